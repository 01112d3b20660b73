"""What stands behind the person: reflectances and textures of things, many of them of skin's own colors.

Reflectances of plain materials are ramps and bumps whose middles and widths are drawn at random; wood, cardboard,
leather and brick rise from blue to red as skin does, which is why they are here."""
import cv2
import numpy as np

from person import smooth_noise, soft_step
from spectra import NM

PLAIN = ("blue", "wall", "wood", "towel", "green towel")        # drawn by the pairs
LIKE_SKIN = ("table", "cardboard", "leather", "brick", "painted wall", "printed cloth")


def ramp(low, high, middle, width):
    return low + (high - low) * soft_step(NM - middle, width)


def materials(rng):
    """Reflectances of what is not skin."""
    hair = rng.choice([0.015, 0.03, 0.06, 0.14])
    dye = rng.uniform(0.04, 0.5) * (0.35 + 0.65 * np.exp(-((NM - rng.uniform(420, 700)) / rng.uniform(40, 110)) ** 2))
    return {"hair": hair * (NM / 550) ** 1.6, "brow": 0.5 * hair * (NM / 550) ** 1.6 + 0.01, "eye": 0.5 + 0 * NM,
            "iris": ramp(0.02, 0.09, 600, 40), "nostril": ramp(0.008, 0.03, 600, 20), "shirt": dye, "sleeve": dye,
            "blue": 0.03 + 0.16 * np.exp(-((NM - 460) / 45) ** 2), "wall": ramp(0.40, 0.47, 520, 60),
            "wood": ramp(0.10, rng.uniform(0.3, 0.5), 570, 45), "towel": rng.choice([1, 0.45]) * ramp(0.62, 0.8, 430, 15),
            "green towel": 0.05 + 0.25 * np.exp(-((NM - 520) / 40) ** 2)}


def scene_materials(rng, skin):
    """More of them, for scenes; skin: reflectance of the person's skin, which the painted wall has but for a little."""
    level = np.exp(rng.uniform(np.log(0.06), np.log(0.5)))       # walnut to spruce
    return {"table": level * ramp(rng.uniform(0.25, 0.5), 1.3, rng.uniform(540, 590), rng.uniform(35, 60)),
            "cardboard": ramp(0.14, rng.uniform(0.38, 0.5), rng.uniform(540, 570), 50),
            "leather": ramp(0.03, rng.uniform(0.15, 0.4), rng.uniform(570, 600), 30),
            "brick": ramp(0.07, rng.uniform(0.25, 0.38), rng.uniform(575, 590), 22), "mortar": ramp(0.3, 0.42, 520, 60),
            "painted wall": skin * (1 + rng.uniform(-0.25, 0.25) * (NM - 550) / 150) * rng.uniform(0.8, 1.25),
            "print": rng.uniform(0.05, 0.6) * (0.3 + 0.7 * np.exp(-((NM - rng.uniform(420, 680)) / 70) ** 2)),
            "printed cloth": ramp(*sorted(rng.uniform(0.1, 0.7, 2)), rng.uniform(480, 600), 40)}


def _bricks(rng, x, y):
    """Where mortar is, and how light each brick is (log)."""
    tall, wide = rng.uniform(60, 90), rng.uniform(190, 240)
    row = np.floor(y / tall)
    across = x / wide + 0.5 * (row % 2)
    edge = np.minimum((y / tall) % 1 * tall, (across % 1) * wide)
    tints = rng.normal(0, 0.15, 997)
    return soft_step(7 - edge, 1), tints[(np.int64(row) * 31 + np.int64(np.floor(across)) * 17) % 997]


def _grain(rng, shape, scale, x, y):
    """Boards: log brightness along their grain, darker seams."""
    turned = rng.random() < 0.5
    long_way = (3.0 * scale, 60.0 * scale)[::1 if turned else -1]
    fine = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), sigmaX=long_way[0], sigmaY=long_way[1])
    board = rng.uniform(110, 260)
    at = (x if turned else y) / board
    tints = rng.normal(0, 0.08, 64)
    seams = soft_step(2 - (at % 1) * board, 0.5)
    return rng.uniform(0.03, 0.12) * fine / fine.std() + tints[np.int64(at) % 64] - 0.9 * seams


def paint(name, reflectances, weights, rng, spot, scale):
    """Camera signals of the background; spot: places in canvas units, height x width x 2."""
    shape = spot.shape[:2]
    x, y = spot[..., 0], spot[..., 1]
    fine, coarse = smooth_noise(rng, shape, 1.5 * scale), smooth_noise(rng, shape, 60 * scale)
    color = weights @ reflectances[name]
    if name == "wood":
        fine = cv2.GaussianBlur(fine, (0, 0), sigmaX=40 * scale, sigmaY=1.5 * scale)
        fine = 3 * fine / fine.std()
    elif "towel" in name:
        fine = fine * 2
    log = 0.03 * fine + 0.04 * coarse
    if name == "table":
        grain = _grain(rng, shape, scale, x, y)
        # darker grain is redder: it takes more of blue than of red
        return np.exp(log[..., None] * 0.5 + grain[..., None] * [0.8, 1.0, 1.2]).astype(np.float32) * color
    if name == "brick":
        mortar, tint = _bricks(rng, x, y)
        picture = np.exp(log + tint + 0.05 * smooth_noise(rng, shape, 4 * scale))[..., None] * color
        return (picture + mortar[..., None] * (weights @ reflectances["mortar"] - picture)).astype(np.float32)
    if name == "printed cloth":
        form = soft_step(smooth_noise(rng, shape, rng.uniform(12, 40) * scale) - 0.5, 0.05)
        picture = np.exp(log + 0.04 * fine)[..., None] * color
        return (picture + form[..., None] * (weights @ reflectances["print"] - picture)).astype(np.float32)
    if name == "leather":
        log = log + 0.06 * np.abs(smooth_noise(rng, shape, 3 * scale)) + 0.05 * coarse
    if name == "cardboard":
        log = log + 0.015 * np.sin(y / 2.2)
    if name == "painted wall":
        log = 0.3 * log
    return (np.exp(log)[..., None] * color).astype(np.float32)
