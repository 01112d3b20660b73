"""A color chart in the frame and a camera: from spectra and scene light to a JPEG."""
import io

import cv2
import numpy as np
from PIL import Image


def chart_texture(weights, reflectances, passport, rng):
    """Raw camera signals of a chart, 60 px a patch, and the outer corners of its outer patches in it."""
    gap = (0.30, 0.27) if passport else (rng.uniform(0.14, 0.16),) * 2
    patch, frame = 60, 26
    size = (int(2 * frame + patch * (4 + 3 * gap[1])), int(2 * frame + patch * (6 + 5 * gap[0])))
    dark = weights @ np.full(weights.shape[1], 0.045)
    picture = np.tile(dark.astype(np.float32), size + (1,))
    for i, reflectance in enumerate(reflectances):
        x = frame + (i % 6) * patch * (1 + gap[0])
        y = frame + (i // 6) * patch * (1 + gap[1])
        picture[round(y):round(y) + patch, round(x):round(x) + patch] = weights @ reflectance
    picture *= 1 + 0.004 * rng.standard_normal(size + (1,)).astype(np.float32)
    right, bottom = frame + patch * (6 + 5 * gap[0]), frame + patch * (4 + 3 * gap[1])
    corners = np.float32([[frame, frame], [right, frame], [right, bottom], [frame, bottom]]) - 0.5
    return picture, corners


def curve(kind, v):
    """Linear 0..1 to encoded 0..1."""
    v = np.clip(v, 0, 1)
    if kind == "gamma22":
        return v ** (1 / 2.2)
    if kind == "filmic":                        # Hable's, white at 4, middle gray kept near sRGB's
        def f(x):
            return (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.0667
        return np.clip(f(4 * v) / f(4.0), 0, 1) ** (1 / 2.2)
    encoded = np.where(v <= 0.0031308, 12.92 * v, 1.055 * np.maximum(v, 1e-9) ** (1 / 2.4) - 0.055)
    if kind == "s":
        encoded = 0.7 * encoded + 0.3 * encoded * encoded * (3 - 2 * encoded)
    return encoded


class Camera:
    """One camera with its settings under one lamp."""
    CURVES = ("srgb", "gamma22", "filmic", "s")

    def __init__(self, rng, data, name, lamp, reflectances, kind=None):
        self.kind = rng.choice(self.CURVES)
        self.kind = kind or self.kind
        weights = data.cameras[name] * lamp
        self.weights = weights / weights.sum(axis=1, keepdims=True)    # the perfect diffuser reads 1, 1, 1
        self.balance = 1 + rng.normal(0, 0.02, 3)
        # Raw to linear sRGB as a maker would, by least squares over the chart, neutral kept, saturation by taste.
        raw, wanted = reflectances @ self.weights.T, reflectances @ data.observer.T
        matrix = np.linalg.lstsq(raw, wanted, rcond=None)[0].T
        matrix /= matrix.sum(axis=1, keepdims=True)
        luma = np.array([0.2126, 0.7152, 0.0722])
        saturation = rng.uniform(0.9, 1.12)
        self.matrix = (saturation * np.eye(3) + (1 - saturation) * luma) @ matrix
        self.electrons = rng.uniform(4000, 16000)
        self.read_noise = rng.uniform(2, 6)
        self.exposure = rng.uniform(0.72, 0.92)
        self.sharpen = rng.choice([0.0, rng.uniform(0.2, 0.8)])
        self.denoise = rng.random() < 0.4
        self.quality = int(rng.integers(85, 96))
        self.blur = rng.uniform(0.35, 0.7)

    def develop(self, scene, rng):
        """Scene light (1 = the perfect diffuser in the middle of the frame) to JPEG bytes."""
        light = cv2.GaussianBlur(scene, (0, 0), self.blur) * self.exposure / self.balance.max() * self.balance
        charge = np.clip(light, 0, 1.0) * self.electrons
        height, width = scene.shape[:2]
        mosaic = np.empty((height, width), np.float32)
        for c, sites in ((0, [(0, 0)]), (1, [(0, 1), (1, 0)]), (2, [(1, 1)])):
            for dy, dx in sites:
                mosaic[dy::2, dx::2] = charge[dy::2, dx::2, c]
        mosaic = rng.poisson(mosaic) + rng.normal(0, self.read_noise, mosaic.shape)
        level = 2000 + 56000 * np.clip(mosaic / self.electrons, -0.03, 1)
        rgb = cv2.demosaicing(level.astype(np.uint16), cv2.COLOR_BayerBG2RGB_EA).astype(np.float32)
        rgb = (rgb - 2000) / 56000
        rgb = rgb / self.balance * self.balance.mean() * (1 + rng.normal(0, 0.01, 3))
        encoded = curve(self.kind, (rgb @ self.matrix.T) * rng.uniform(0.98, 1.02)).astype(np.float32)
        ycc = cv2.cvtColor(encoded, cv2.COLOR_RGB2YCrCb)
        if self.denoise:
            ycc[..., 0] = cv2.bilateralFilter(ycc[..., 0], 5, 0.02, 1.5)
            ycc[..., 1:] = cv2.GaussianBlur(ycc[..., 1:], (0, 0), 1.5)
        if self.sharpen:
            ycc[..., 0] += self.sharpen * (ycc[..., 0] - cv2.GaussianBlur(ycc[..., 0], (0, 0), 1.0))
        encoded = np.clip(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), 0, 1)
        out = io.BytesIO()
        Image.fromarray(np.uint8(encoded * 255 + 0.5)).save(out, "JPEG", quality=self.quality, subsampling=2)
        return out.getvalue()
