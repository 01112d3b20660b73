"""Measured spectra, and what an observer or a camera reads from skin whose blood and melanin change.

All arrays are on one wavelength grid (NM). Reflectances are shares of the perfect diffuser; OD = -log10."""
import csv
import glob
import os

import cv2
import numpy as np

NM = np.arange(390.0, 731.0, 5.0)
SURFACE = 0.028                       # flat surface reflection in every ISSA value (data/README.md)
TONES = ("very_light", "light", "intermediate", "tan", "brown", "dark")
XYZ_TO_SRGB = np.array([[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560],
                        [0.0556434, -0.2040259, 1.0572252]])
# OD change between red and pale sites of one man, normalized at 580 nm (ISSA records, mean of three against two).
MEASURED_H = ([400, 420, 440, 460, 480, 500, 520, 540, 550, 560, 570, 580, 590, 600, 610, 620, 630, 640, 660, 730],
              [.73, .81, .77, .96, .94, .84, .86, .99, .95, .91, .99, 1, .68, .36, .20, .12, .08, .05, .03, .02])


def _table(path):
    with open(path, newline="") as stream:
        rows = list(csv.reader(stream))
    return rows[0], rows[1:]


def _columns(path):
    """Columns of a CSV whose first column is the wavelength, as {name: values on NM}."""
    head, rows = _table(path)
    values = np.array([[float(x) for x in row] for row in rows])
    return {name: np.interp(NM, values[:, 0], values[:, i + 1]) for i, name in enumerate(head[1:])}


def tone_of(ita):
    """The six classes of Chardon's individual typology angle."""
    for limit, tone in ((55, 0), (41, 1), (28, 2), (10, 3), (-30, 4)):
        if ita > limit:
            return TONES[tone]
    return TONES[5]


class Data:
    """Everything read from DIR/spectra."""

    def __init__(self, directory):
        place = os.path.join(directory, "spectra")
        self.lamps = _columns(os.path.join(place, "cie_illuminants_380_780_5.csv"))
        for kelvin in (2700, 3200, 4000, 5000):
            self.lamps["black%d" % kelvin] = 1 / (NM ** 5 * (np.exp(1.4388e7 / (NM * kelvin)) - 1))
        self.lamps = {name: power / power.max() for name, power in self.lamps.items()}
        self.cameras = {}
        for path in sorted(glob.glob(os.path.join(place, "cameras", "*.csv"))):
            curves = _columns(path)
            self.cameras[os.path.basename(path)[:-4]] = np.stack([curves[c] for c in "RGB"])
        cmf = _columns(os.path.join(place, "cie1931_2deg_cmf_380_780_5.csv"))
        xyz = np.stack([cmf["xbar"], cmf["ybar"], cmf["zbar"]]) * self.lamps["D65"]
        self.xyz = xyz / xyz[1].sum()
        self.observer = XYZ_TO_SRGB @ self.xyz        # weights: linear sRGB of a reflectance under D65
        self.charts = [np.stack(list(_columns(os.path.join(place, name)).values())) for name in
                       ("cc24_babelcolor_average_380_730_10.csv", "cc24_ohta_380_780_5.csv")]
        mua = _columns(os.path.join(place, "melanin_and_blood_mua_380_1000_5.csv"))
        self.melanin = mua["mua_melanosome_cm-1"] - mua["mua_skin_baseline_cm-1"]
        self.oxygenated = mua["mua_oxyblood_150gL_cm-1"]
        self.skins = self._skins(os.path.join(place, "skin_issa_subset.csv"))

    def _skins(self, path):
        head, rows = _table(path)
        found = []
        for row in rows:
            points = [(float(h[1:]), float(v)) for h, v in zip(head, row) if h[0] == "R" and h[1:].isdigit() and v]
            reflectance = np.interp(NM, *zip(*points)) - SURFACE
            found.append((row[0], np.maximum(reflectance, 0.004)))
        return found

    def ita(self, reflectance):
        x, y, z = self.xyz @ reflectance / (self.xyz @ np.ones(len(NM)))
        f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
        return np.degrees(np.arctan2(116 * f[1] - 16 - 50, 200 * (f[1] - f[2])))

    def blood(self, rng, wanted=None):
        """One shape of the change that blood makes: measured, a compressed power of oxygenated blood, or a mixture."""
        measured = np.interp(NM, *MEASURED_H)
        power = self.oxygenated ** rng.uniform(0.36, 0.40)
        power /= power[np.argmin(abs(NM - 580))]
        share = rng.choice([0.0, 1.0, rng.uniform(0.2, 0.8)])
        share = share if wanted is None else wanted
        return share * power + (1 - share) * measured, share


class SkinModel:
    """Skin with m more melanin and h more blood than one measured base: OD = base + m M + h H.

    m and h are scaled so that for the reference observer 0.1 is +10 MI and +10 EI at the base."""
    POWERS = [(i, j) for i in range(5) for j in range(5 - i)]

    def __init__(self, data, base, blood):
        self.base = base
        od = -np.log10(base)

        def reading(change):
            r, g, _ = data.observer @ 10 ** -(od + change)
            return -np.log10(r), -np.log10(g) + np.log10(r)
        step = 1e-3
        melanin = data.melanin / data.melanin.max()
        zero = reading(0 * NM)
        self.m = melanin * step / (reading(step * melanin)[0] - zero[0])
        self.h = blood * step / (reading(step * blood)[1] - zero[1])
        grid = np.meshgrid(np.linspace(-0.15, 0.45, 13), np.linspace(-0.12, 0.5, 13), indexing="ij")
        self.grid = [axis.ravel() for axis in grid]
        self.spectra = 10 ** -(od + np.outer(self.grid[0], self.m) + np.outer(self.grid[1], self.h))
        self.reference = self.fit(data.observer)

    def fit(self, weights):
        """Coefficients for look(): log of each channel's signal as a polynomial of m and h (error under 1e-3)."""
        signal = np.log(np.maximum(self.spectra @ weights.T, 1e-5))
        terms = np.stack([self.grid[0] ** i * self.grid[1] ** j for i, j in self.POWERS], axis=1)
        return np.linalg.lstsq(terms, signal, rcond=None)[0].astype(np.float32)

    def look(self, coefficients, m, h):
        """Signals of shape m.shape + (3,), through a table of m and h (cv2.remap interpolates it)."""
        side = 512
        mm, hh = np.meshgrid(np.linspace(-0.15, 0.45, side), np.linspace(-0.12, 0.5, side))
        table = np.exp(sum((mm ** i * hh ** j)[..., None] * row for (i, j), row in zip(self.POWERS, coefficients)))
        x, y = (m + 0.15) / 0.60 * (side - 1), (h + 0.12) / 0.62 * (side - 1)
        return cv2.remap(table.astype(np.float32), x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)

    def indices(self, m, h):
        """EI and MI, printed units, as the D65 observer in linear sRGB reads them."""
        rgb = self.look(self.reference, m, h)
        red, green = -np.log10(rgb[..., 0]), -np.log10(rgb[..., 1])
        return 100 * (green - red), 100 * red
