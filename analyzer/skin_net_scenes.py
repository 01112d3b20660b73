"""The pictures that skin_net.py learns from: labelled photographs and rendered scenes, changed at random.

So that none of these matters: skin tone (melanin added to or taken from the labelled skin along the direction between
light and dark measured skins, ISSA, Lu et al. 2025), white balance, exposure, contrast, scale, what stands behind the
person, who else is there, clothes (now and then none, or of skin's color), shadows, sharpness, JPEG, too few pixels.
Everything random comes from RANDOM in a fixed order: the same seed gives the same pictures.

usage: skin_net_scenes.py RUBOR SCENES

makes the rendered scenes with that program. Those of the committed weights came from `rubor sample` of commit 826dadb;
later ones draw blood's shape otherwise.
"""

import glob
import os
import subprocess
import sys

import cv2
import numpy as np
import scipy.io

FLOOR = 0.004
SKIN, HAIR = 41, 19
# garments that mostly follow the body: blouse, bodysuit, bra, underwear, jeans, jumper, leggings, romper, shirt, shorts,
# stockings, sweater, swimwear, T-shirt, tights, top
CLOSE = [5, 6, 8, 23, 25, 26, 27, 30, 35, 38, 40, 45, 48, 50, 51, 53, 54]
# OD of red, green and blue along which the 27 ISSA skins differ most under D65, and the next (blood)
TONE = np.array([0.466, 0.545, 0.697], np.float32) / np.float32(0.545)
BLOOD = np.array([-0.783, 0.621, 0.038], np.float32)
RANDOM = np.random.default_rng(20261121)

LINEAR = np.arange(256) / 255.0
LINEAR = np.where(LINEAR <= 0.04045, LINEAR / 12.92, ((LINEAR + 0.055) / 1.055) ** 2.4).astype(np.float32)


def od_of(linear):
    return -np.log10(np.maximum(linear, 0) + np.float32(FLOOR))


OD = od_of(LINEAR)  # of each 8-bit value
# and back: the value, with fraction, of every OD from -0.3 on, in steps of 1 / 800
OD_FIRST, OD_STEPS = -0.3, 800
ENCODED = np.clip(10 ** -(np.arange(2240) / OD_STEPS + OD_FIRST) - FLOOR, 0, 1)
ENCODED = np.where(ENCODED <= 0.0031308, ENCODED * 12.92, 1.055 * np.maximum(ENCODED, 1e-6) ** (1 / 2.4) - 0.055)
ENCODED = (ENCODED * 255).astype(np.float32)
GRAIN = RANDOM.standard_normal(1 << 21, np.float32)


def inputs(od):
    """Log ratios and brightness against the photo's mean, as the analyzer makes them."""
    brightness = 0.5 * (od[..., 0] + od[..., 1])
    return np.stack([(od[..., 1] - od[..., 0]) * 10 - 1, (od[..., 2] - od[..., 1]) * 10 - 1,
                     (brightness - brightness.mean()) / 0.3]).astype(np.float32)


def chance(share):
    return RANDOM.random() < share


def between(a, b):
    return np.float32(RANDOM.uniform(a, b))


def normal(spread, size=None):
    return np.float32(RANDOM.normal(0, spread)) if size is None else RANDOM.normal(0, spread, size).astype(np.float32)


def resized(image, width, height):
    smaller = image.shape[0] > height
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


# --- what is loaded ---------------------------------------------------------------------------------------------------

class Picture:
    """RGB bytes, what each pixel is (0 or 255 each: skin, hair, clothes, unknown, which counts nowhere) and the label
    of its garment, each also at half and at a quarter of the size."""

    LEVELS = 3

    def __init__(self, photo, skin, labels=None, guessed=False):
        self.is_scene, self.guessed = labels is None, guessed
        parts = np.zeros(skin.shape + (4,), np.uint8)
        parts[..., 0] = skin * 255
        if labels is None:
            labels = np.zeros(skin.shape, np.uint8)
        else:
            parts[..., 1] = (labels == HAIR) * 255
            parts[..., 2] = ((labels > 0) & (labels != SKIN) & (labels != HAIR)) * 255
        self.height, self.width = skin.shape
        self.levels = [(np.ascontiguousarray(photo), parts, labels)]
        for _ in range(1, self.LEVELS):
            photo, parts, labels = self.levels[-1]
            w, h = max(1, photo.shape[1] // 2), max(1, photo.shape[0] // 2)
            self.levels.append((resized(photo, w, h), resized(parts, w, h),
                                cv2.resize(labels, (w, h), interpolation=cv2.INTER_NEAREST)))
        ys, xs = np.nonzero(skin)
        keep = np.sort(RANDOM.integers(0, len(ys), 400)) if len(ys) else []
        self.places = [(ys[k], xs[k]) for k in keep]  # from the head down
        ys, xs = np.nonzero(self.levels[0][1][..., :3].any(2))
        self.box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) if len(ys) else (0, 0, 1, 1)

    def cut(self, x, y, w, h, width, height):
        """OD, parts (0 to 1) and garments of a piece, width x height."""
        level = 0
        while level + 1 < self.LEVELS and h >> (level + 1) >= height and w >> (level + 1) >= width:
            level += 1
        x, y, w, h = x >> level, y >> level, max(w >> level, 1), max(h >> level, 1)
        photo, parts, labels = (of[y:y + h, x:x + w] for of in self.levels[level])
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
        return OD[resized(photo, width, height)], resized(parts, width, height) * np.float32(1 / 255), labels

    def doubt(self, unknown):
        for _, parts, _ in self.levels:
            parts[..., 3] = cv2.resize(unknown, (parts.shape[1], parts.shape[0]), interpolation=cv2.INTER_AREA)


def load_photos(root):
    out = []
    for path in sorted(glob.glob(os.path.join(root, "annotations/pixel-level/*.mat"))):
        labels = scipy.io.loadmat(path)["groundtruth"].astype(np.uint8)
        photo = cv2.imread(os.path.join(root, "photos", os.path.basename(path)[:-4] + ".jpg"))[..., ::-1]
        if (labels == SKIN).sum() > 200:
            out.append(Picture(photo, labels == SKIN, labels))
    return out


def load_unlabelled(root):
    """Photographs of the collection that nobody labelled."""
    known = {os.path.basename(path)[:-4] for path in glob.glob(os.path.join(root, "annotations/pixel-level/*.mat"))}
    paths = [path for path in sorted(glob.glob(os.path.join(root, "photos/*.jpg"))) if os.path.basename(path)[:-4] not in known]
    return [np.ascontiguousarray(cv2.imread(path)[..., ::-1]) for path in paths]


def load_scenes(root):
    out = []
    for folder in sorted(glob.glob(os.path.join(root, "*"))):
        for name in ("before", "day00"):
            photo = cv2.imread(os.path.join(folder, name + ".jpg"))
            truth = cv2.imread(os.path.join(folder, name + "_skin.png"), 0)
            if photo is not None and truth is not None:
                truth = cv2.resize(truth, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_NEAREST)
                out.append(Picture(photo[..., ::-1], truth > 127))
    return out


def crop_of(picture, aspect):
    """Left, top, width, height of a crop; most have skin near their middle."""
    h, w = picture.height, picture.width
    height = h * np.exp(RANDOM.uniform(np.log(0.11), np.log(1.0)))
    width = min(height * aspect * RANDOM.uniform(0.88, 1.14), w)
    height = min(height, h)
    places = picture.places
    if chance(0.85) and places:
        # the head is where most photos are taken of
        cy, cx = places[RANDOM.integers(len(places) if chance(0.4) else max(1, len(places) // 3))]
        cy, cx = cy + RANDOM.normal(0, 0.2) * height, cx + RANDOM.normal(0, 0.2) * width
    else:
        cy, cx = RANDOM.uniform(0, h), RANDOM.uniform(0, w)
    x = int(np.clip(cx - width / 2, 0, w - width))
    y = int(np.clip(cy - height / 2, 0, h - height))
    return x, y, max(int(width), 8), max(int(height), 8)


# --- colors and surfaces ----------------------------------------------------------------------------------------------

def noise_field(width, height, cells):
    small = normal(1, (max(2, int(cells * height / width)), cells))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def ramp(width, height, spread):
    across, down = normal(spread), normal(spread)
    return (np.linspace(-1, 1, width, dtype=np.float32)[None, :] * across
            + np.linspace(-1, 1, height, dtype=np.float32)[:, None] * down)[..., None]


def any_color():
    """OD of a wall, a cloth, a page; brown and skin-like colors more often than others."""
    gray, chroma = RANDOM.uniform(0.03, 1.3), abs(RANDOM.normal(0, 0.14))
    angle = RANDOM.uniform(-0.6, 1.2) if chance(0.6) else RANDOM.uniform(0, 6.28)
    return np.array([gray - chroma * np.cos(angle), gray, gray + chroma * (0.5 * np.cos(angle) + np.sin(angle))],
                    np.float32)


def skin_color():
    """OD of some skin, or of leather, cardboard, sand, a cloth that look like it."""
    return between(0.15, 1.1) * TONE + np.array([-0.12, 0, 0], np.float32) + normal(0.06, 3)


def print_of(width, height):
    """Stripes, checks or dots, 0 and 1."""
    angle, step = RANDOM.uniform(0, np.pi), np.exp(RANDOM.uniform(np.log(3), np.log(30))) / 6.28
    c, s = np.float32(np.cos(angle) / step), np.float32(np.sin(angle) / step)
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    waves = np.sin(x * c + y * s)
    if chance(0.6):
        waves = waves * np.sin(y * c - x * s)
    return (waves > between(-0.2, 0.7)).astype(np.float32)[..., None]


def bricks(width, height):
    """Courses of bricks, tiles or boards, each of its own shade; OD to add."""
    tall = max(3, int(height * RANDOM.uniform(0.03, 0.25)))
    wide = int(tall * RANDOM.choice([1, 2.2, 8]))
    out = np.empty((height, width, 3), np.float32)
    joint, spread = normal(0.2) * np.ones(3, np.float32), between(0.01, 0.12)
    for row, y in enumerate(range(0, height, tall)):
        for x in range(-(row % 2) * wide // 2, width, wide):
            out[y:y + tall, max(x, 0):max(x + wide, 0)] = normal(spread) * TONE + normal(spread / 4, 3)
            out[y:y + tall, max(x, 0):max(x, 0) + 1] = joint
        out[y:y + 1] = joint
    return out


def panels(od):
    height, width = od.shape[:2]
    for _ in range(RANDOM.integers(1, 6)):
        x, y = int(RANDOM.uniform(-0.3, 1) * width), int(RANDOM.uniform(-0.3, 1) * height)
        w, h = int(RANDOM.uniform(0.1, 1) * width), int(RANDOM.uniform(0.1, 1) * height)
        color = tuple(float(v) for v in (skin_color() if chance(0.2) else any_color()))
        if chance(0.3):
            cv2.ellipse(od, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, color, -1)
        else:
            cv2.rectangle(od, (x, y), (x + w, y + h), color, -1)
    if chance(0.5):
        write_text(od)


def backdrop(width, height):
    """A wall, bricks, cloth, wood, leather, sand or a page of panels and lines of text, lit unevenly; OD."""
    od = np.empty((height, width, 3), np.float32)
    od[:] = skin_color() if chance(0.3) else any_color()
    kind = RANDOM.random()
    if kind < 0.25:  # grain that runs one way: wood, cloth
        stripes = noise_field(width, 2, int(RANDOM.integers(12, 90)))[:1]
        grain = np.repeat(stripes, height, 0) + np.float32(0.4) * noise_field(width, height, 24)
        if chance(0.5):
            grain = cv2.resize(np.ascontiguousarray(grain.T), (width, height))
        od += (grain * between(0.01, 0.16))[..., None] * TONE
    elif kind < 0.5:  # mottled: plaster, leather, a blurred garden
        for cells in (6, 20, 70):
            shade = RANDOM.uniform(0.7, 1.3, 3).astype(np.float32)
            od += (noise_field(width, height, cells) * between(0, 0.08))[..., None] * shade
    elif kind < 0.7:
        panels(od)
    elif kind < 0.78:
        od += bricks(width, height)
    elif kind < 0.86:  # sand, cork, a carpet
        first = RANDOM.integers(len(GRAIN) - width * height)
        grain = GRAIN[first:first + width * height].reshape(height, width)
        od += (cv2.GaussianBlur(grain, (0, 0), RANDOM.uniform(0.4, 1.5)) * between(0.02, 0.2))[..., None] * TONE
    elif kind < 0.9:
        od += print_of(width, height) * (normal(0.15, 3) + normal(0.2))
    return np.clip(od + ramp(width, height, 0.1), -0.1, 2.4)


def write_text(od):
    for _ in range(RANDOM.integers(1, 5)):
        text = "".join(chr(c) for c in RANDOM.integers(33, 122, RANDOM.integers(3, 16)))
        at = int(RANDOM.uniform(-0.1, 0.8) * od.shape[1]), int(RANDOM.uniform(0.05, 1) * od.shape[0])
        cv2.putText(od, text, at, int(RANDOM.integers(0, 4)), float(RANDOM.uniform(0.25, 1.2)),
                    tuple(float(v) for v in any_color()), int(RANDOM.integers(1, 3)), cv2.LINE_AA)


# --- people -----------------------------------------------------------------------------------------------------------

def bare(od, parts, labels):
    """In place of clothes that follow the body, skin: the color of what is seen of it, the folds nearly smoothed away."""
    inside, close = od[parts[..., 0] > 0.9], parts[..., 2:3] * np.isin(labels, CLOSE)[..., None]
    if len(inside) < 20 or close.sum() < 20:
        return
    folds = cv2.GaussianBlur(od[..., 1], (0, 0), od.shape[1] / 40)[..., None]
    folds = np.clip(np.float32(0.4) * (folds - (folds * close).sum() / close.sum()), -0.25, 0.25)
    folds += np.float32(0.03) * noise_field(od.shape[1], od.shape[0], 6)[..., None]
    od += close * (np.median(inside, 0) + folds - od)
    parts[..., 0:1] = np.maximum(parts[..., 0:1], close)
    parts[..., 2:3] *= 1 - close


def dress(od, parts, labels):
    """Garments get other colors, each its own, now and then one of this or of some skin's color or with a print."""
    shift = np.zeros((256, 3), np.float32)
    inside = od[parts[..., 0] > 0.9]
    own = np.median(inside[::7], 0) if len(inside) > 20 else None
    if chance(0.6):
        shift += normal(0.22, 3) + normal(0.2)
    sizes = np.bincount(labels.ravel(), minlength=256)
    for garment in np.nonzero(sizes > labels.size // 200)[0]:
        if garment in (0, SKIN, HAIR):
            continue
        if chance(0.13):
            near = own + normal(0.05, 3) if own is not None and chance(0.5) else skin_color()
            shift[garment] = near - np.array(cv2.mean(od, np.uint8(labels == garment))[:3], np.float32)
        elif chance(0.25):
            shift[garment] += normal(0.2, 3) + normal(0.2)
        if chance(0.06):
            mask = (labels == garment)[..., None] * parts[..., 2:3]
            od += mask * print_of(od.shape[1], od.shape[0]) * (normal(0.15, 3) + normal(0.25))
    od += parts[..., 2:3] * shift[labels]


def other_person(od, parts, labels):
    """The same person with more or less melanin, other blood, hair and clothes."""
    if chance(0.12):
        bare(od, parts, labels)
    skin, hair = parts[..., 0:1], parts[..., 1:2]
    if chance(0.7):
        inside = od[..., 1][parts[..., 0] > 0.9]
        middle = np.median(inside[::7]) if len(inside) > 20 else 0.5
        by = np.float32(np.clip(RANDOM.uniform(0.15, 1.25) - middle, -0.4, 0.95))
        shape = (noise_field(od.shape[1], od.shape[0], 5) * np.float32(0.08) + 1)[..., None]
        od += skin * shape * (by * TONE + normal(0.03) * BLOOD) + hair * (max(by, np.float32(0)) * np.float32(0.4))
    dress(od, parts, labels)
    if chance(0.5):  # hair blond to dark
        od += hair * (normal(0.04, 3) + normal(0.2) + between(-0.9, 0.1) * TONE)


def other_surroundings(od, parts, photos):
    behind = 1 - np.minimum(parts[..., :3].sum(2, keepdims=True), 1)
    choice = RANDOM.random()
    if choice < 0.35:
        behind = cv2.GaussianBlur(behind, (0, 0), 0.7)[..., None]
        od += behind * (backdrop(od.shape[1], od.shape[0]) - od)
        parts[..., 3] *= 1 - behind[..., 0]
    elif choice < 0.45:
        elsewhere = photos[RANDOM.integers(len(photos))]
        there, parts_there, _ = elsewhere.cut(*crop_of(elsewhere, od.shape[1] / od.shape[0]), od.shape[1], od.shape[0])
        behind = cv2.GaussianBlur(behind, (0, 0), 0.7)[..., None]
        od += behind * (there + normal(0.1, 3) + normal(0.15) - od)
        parts += behind * (parts_there - parts)
    elif choice < 0.68:
        mean = (od * behind).sum((0, 1)) / max(behind.sum(), 1)
        od += behind * (skin_color() - mean if chance(0.3) else normal(0.12, 3) + normal(0.2))


def paste(od, parts, picture, left, top, tall, share, behind):
    """A person from the head down to this share, so many pixels tall; returns how wide that is."""
    x0, y0, x1, y1 = picture.box
    y1 = y0 + max(8, int((y1 - y0) * share))
    wide = max(4, int(tall * (x1 - x0) / (y1 - y0)))
    height, width = od.shape[:2]
    a, b, c, d = max(left, 0), max(top, 0), min(left + wide, width), min(top + tall, height)
    if tall < 8 or wide > 2 * width or c - a < 3 or d - b < 3:
        return wide
    piece = picture.cut(x0, y0, x1 - x0, y1 - y0, wide, tall)
    other_person(*piece)
    od_, parts_ = (v[b - top:d - top, a - left:c - left] for v in piece[:2])
    alpha = np.minimum(parts_[..., :3].sum(2, keepdims=True), 1)
    if behind:
        alpha *= 1 - np.minimum(parts[b:d, a:c, :3].sum(2, keepdims=True), 1)
    od[b:d, a:c] += alpha * (od_ - od[b:d, a:c])
    parts[b:d, a:c] += alpha * (parts_ * np.array([1, 1, 1, 0], np.float32) - parts[b:d, a:c])
    return wide


def add_people(od, parts, photos):
    """A few others, whole or from the waist or shoulders up, before or behind who is there."""
    height, width = od.shape[:2]
    behind = chance(0.7)
    size = np.exp(RANDOM.uniform(np.log(0.15), np.log(0.8)))
    for _ in range(RANDOM.integers(1, 7)):
        tall = int(height * min(size * RANDOM.uniform(0.7, 1.4), 1.2))
        left, top = int(RANDOM.uniform(-0.2, 0.9) * width), int(RANDOM.uniform(-0.1 * tall, height - 0.6 * tall))
        paste(od, parts, photos[RANDOM.integers(len(photos))], left, top, tall, RANDOM.choice([1.0, 0.5, 0.28]), behind)


def add_crowd(od, parts, photos):
    """Rows of people of about one size, the nearer before the farther."""
    height, width = od.shape[:2]
    tall, share = height * RANDOM.uniform(0.15, 0.6), RANDOM.choice([1.0, 0.6, 0.35])
    top, step = height * RANDOM.uniform(0, 0.5), tall * RANDOM.uniform(0.35, 0.8)
    for row in range(RANDOM.integers(1, 4)):
        left = int(RANDOM.uniform(-0.1, 0.3) * width)
        for _ in range(12):
            if left >= width:
                break
            at = int(top + row * step + RANDOM.normal(0, 0.06) * tall)
            wide = paste(od, parts, photos[RANDOM.integers(len(photos))], left, at,
                         int(tall * RANDOM.uniform(0.85, 1.15)), share, False)
            left += max(4, int(wide * RANDOM.uniform(0.55, 1.1)))


# --- limbs and other close-ups ----------------------------------------------------------------------------------------

def tube(width, height):
    """A limb or a finger: what is inside (0 to 1), the OD of its shading, and how far along it each pixel lies."""
    angle = RANDOM.normal(0, 0.35) + (np.pi / 2 if chance(0.3) else 0)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(width * RANDOM.uniform(0.2, 0.8))
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(height * RANDOM.uniform(0.2, 0.8))
    along, across = (x * c + y * s) / np.float32(width), (y * c - x * s) / np.float32(height)
    half = between(0.1, 0.45) * (1 + along * normal(0.25) + normal(0.03) * np.sin(along * between(4, 12)))
    place = (across + normal(0.15) * along * along) / np.maximum(half, 0.03)
    inside = np.clip((1 - np.abs(place)) * half * height + 0.5, 0, 1)
    facing = np.sqrt(np.maximum(1 - place * place, 0)) * between(0.5, 1) + place * normal(0.4)
    shading = -np.log10(np.clip(facing, 0, None) * between(0.4, 0.9) + between(0.25, 0.6))
    return inside[..., None], shading[..., None].astype(np.float32), along


def spot(width, height):
    """Somewhere a patch with an uneven rim, 0 to 1."""
    x = (np.arange(width, dtype=np.float32)[None, :] / width - between(0.2, 0.8)) / between(0.04, 0.25)
    y = (np.arange(height, dtype=np.float32)[:, None] / height - between(0.2, 0.8)) / between(0.04, 0.25)
    far = x * x + y * y + np.float32(0.3) * noise_field(width, height, 12)
    return np.clip((1 - far) * between(0.8, 6), 0, 1)[..., None]


def card(od, parts):
    """A color chart: rows of patches with a frame."""
    height, width = od.shape[:2]
    w, h = int(width * RANDOM.uniform(0.15, 0.4)), int(height * RANDOM.uniform(0.15, 0.35))
    x, y = int(RANDOM.uniform(0, width - w)), int(RANDOM.uniform(0, height - h))
    od[y:y + h, x:x + w], parts[y:y + h, x:x + w] = any_color(), 0
    columns, rows = RANDOM.integers(3, 7), RANDOM.integers(2, 5)
    for k in range(columns * rows):
        a, b = x + 1 + (w - 2) * (k % columns) // columns, y + 1 + (h - 2) * (k // columns) // rows
        od[b:b + h // rows - 1, a:a + w // columns - 1] = skin_color() if chance(0.2) else any_color()


def limbs(width, height):
    """One or two limbs across the frame before something, with or without marks, sleeve and chart; OD and parts."""
    od, parts = backdrop(width, height), np.zeros((height, width, 4), np.float32)
    color = skin_color()
    for _ in range(RANDOM.integers(1, 3)):
        inside, shading, along = tube(width, height)
        surface = color + shading + (noise_field(width, height, 30) * between(0, 0.03))[..., None] * TONE
        surface = surface + (noise_field(width, height, 8) * between(0, 0.05))[..., None] * (BLOOD if chance(0.5) else TONE)
        for _ in range(RANDOM.integers(0, 3)):  # redder, darker or both
            surface = surface + spot(width, height) * (between(-0.1, 0.35) * BLOOD + between(-0.05, 0.4) * TONE)
        skin = inside
        if chance(0.35):  # a sleeve or a bandage
            cover = np.clip((along - between(0.1, 0.5)) * width + normal(1, (height, 1)).cumsum(0) * 0.5, 0, 1)[..., None]
            cloth = backdrop(width, height) + np.float32(0.5) * shading
            surface, skin = surface + cover * (cloth - surface), inside * (1 - cover)
        if chance(0.5):  # its shadow
            od += cv2.GaussianBlur(inside, (0, 0), width / 40)[..., None] * between(0, 0.3)
        od += inside * (surface - od)
        parts[..., 0:1] += inside * (skin - parts[..., 0:1])
    if chance(0.35):
        card(od, parts)
    return od, parts


# --- light and camera -------------------------------------------------------------------------------------------------

def on_page(od, parts):
    """The picture smaller, among panels and text."""
    height, width = od.shape[:2]
    w, h = int(width * RANDOM.uniform(0.45, 1)), int(height * RANDOM.uniform(0.45, 1))
    x, y = int(RANDOM.uniform(0, width - w)), int(RANDOM.uniform(0, height - h))
    page, labels = backdrop(width, height), np.zeros_like(parts)
    page[y:y + h, x:x + w] = resized(od, w, h)
    labels[y:y + h, x:x + w] = resized(parts, w, h)
    return page, labels


def light(od):
    """From one side, with a hard shadow over part of it, of another color."""
    height, width = od.shape[:2]
    if chance(0.3):
        od = od + ramp(width, height, 0.12)
    if chance(0.12):
        shadow = np.clip(noise_field(width, height, int(RANDOM.integers(2, 8))) * between(1, 8) + normal(1), 0, 1)
        od = od + shadow[..., None] * (between(0.15, 0.6) + np.array([0.04, 0, -0.04], np.float32) * between(0, 1))
    warm = RANDOM.uniform(-0.12, 0.3) if chance(0.5) else 0  # lamplight, or shade under a blue sky
    if chance(0.05):  # candles, sodium lamps, a stage
        warm = RANDOM.uniform(0.3, 0.6)
    return od + np.array([RANDOM.normal(0, 0.05) - 0.4 * warm, 0, RANDOM.normal(0, 0.07) + 0.9 * warm], np.float32)


def camera(od):
    """Exposure and contrast astray, colors vivid or dull, blur, noise, JPEG and too few pixels."""
    height, width = od.shape[:2]
    contrast = between(0.8, 1.3) if chance(0.8) else between(0.7, 1.7)
    od = (od - np.float32(0.5)) * contrast + np.float32(0.5 + RANDOM.uniform(-0.3, 0.45))
    if chance(0.4):
        mean = od.mean(2, keepdims=True)
        od = mean + (od - mean) * between(0.6, 1.8)
    out = ENCODED[np.clip((light(od) - OD_FIRST) * OD_STEPS, 0, len(ENCODED) - 1).astype(np.int32)]
    if chance(0.3):
        out = cv2.GaussianBlur(out, (0, 0), RANDOM.uniform(0.4, 1.2))
    elif chance(0.08):  # moved
        line = np.zeros((9, 9), np.float32)
        cv2.line(line, tuple(int(v) for v in RANDOM.integers(0, 9, 2)), (4, 4), 1.0)
        out = cv2.filter2D(out, -1, line / line.sum())
    first = RANDOM.integers(len(GRAIN) - out.size)
    out = out + GRAIN[first:first + out.size].reshape(out.shape) * between(0, 4)
    out = np.clip(out, 0, 255).astype(np.uint8)
    if chance(0.2):  # a small picture, enlarged
        smaller = RANDOM.uniform(1.3, 3)
        out = resized(resized(out, int(width / smaller), int(height / smaller)), width, height)
    if chance(0.4):
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(RANDOM.integers(25, 95))]
        out = cv2.imdecode(cv2.imencode(".jpg", out[..., ::-1], quality)[1], cv2.IMREAD_COLOR)[..., ::-1]
    return OD[out]


# --- one example ------------------------------------------------------------------------------------------------------

def turned(od, parts):
    """Most pictures upright, others askew, few any way round."""
    height, width = od.shape[:2]
    angle = RANDOM.uniform(-180, 180) if chance(0.25) else RANDOM.normal(0, 18)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, RANDOM.uniform(1, 1.3))
    return [cv2.warpAffine(v, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            for v in (np.ascontiguousarray(od), np.ascontiguousarray(parts))]


def photographed(photos, guessed, width, height):
    picture = guessed[RANDOM.integers(len(guessed))] if guessed and chance(0.25) else photos[RANDOM.integers(len(photos))]
    od, parts, labels = picture.cut(*crop_of(picture, width / height), width, height)
    if picture.guessed:  # its clothes are not known, so all else stays
        other_person(od, parts, labels)
        od += (1 - parts[..., 0:1]) * (normal(0.1, 3) + normal(0.1))
    elif chance(0.11):
        if chance(0.5):
            od, parts = backdrop(width, height), np.zeros_like(parts)
        add_crowd(od, parts, photos)
    else:
        other_person(od, parts, labels)
        other_surroundings(od, parts, photos)
        if chance(0.35):
            add_people(od, parts, photos)
    if chance(0.15):
        od, parts = on_page(od, parts)
    if chance(0.06):
        write_text(od)
    return od, parts


def rendered(scenes, width, height):
    picture = scenes[RANDOM.integers(len(scenes))]
    crop = (0, 0, picture.width, picture.height) if chance(0.6) else crop_of(picture, width / height)
    od, parts, _ = picture.cut(*crop, width, height)
    if chance(0.3):  # the scenes themselves have charts on every other tone only
        card(od, parts)
    return od, parts


def finished(od, parts, width, height):
    """Inputs, share of skin and weight of each pixel of the output."""
    small = resized(parts, width // 2, height // 2)
    skin, unknown = small[..., 0], small[..., 3]
    return inputs(od), skin, (1 - unknown) * (1 - 2 * skin * (1 - skin))


def example(photos, guessed, scenes, width, height):
    """One changed picture, width x height: 82 % photographs, 8 % rendered scenes, 7 % limbs, 3 % with nobody."""
    kind = RANDOM.random()
    if kind < 0.82:
        od, parts = photographed(photos, guessed, width, height)
    elif kind < 0.90:
        od, parts = rendered(scenes, width, height)
    elif kind < 0.97:
        od, parts = limbs(width, height)
    else:
        od, parts = backdrop(width, height), np.zeros((height, width, 4), np.float32)
    if chance(0.35):
        od, parts = turned(od, parts)
    od = camera(od)
    if chance(0.5):
        od, parts = np.ascontiguousarray(od[:, ::-1]), np.ascontiguousarray(parts[:, ::-1])
    return finished(od, parts, width, height)


def unchanged(picture, width, height):
    """A crop of a picture as it is, to check the network with."""
    return finished(*picture.cut(*crop_of(picture, width / height), width, height)[:2], width, height)


def make_scenes(rubor, root):
    """Of every tone 25, some with an object on the skin; and a larger one. Every other tone has a chart, the rest none."""
    runs = [("t", 5, "dark", "800x600", None)]
    objects = {0: "ring", 1: "necklace", 2: "tattoo", 3: "plaster"}
    for k in range(1, 151):
        tone = ("very_light", "light", "intermediate", "tan", "brown", "dark")[(k - 1) % 6]
        runs.append(("%s_%d" % (tone, (k + 5) // 6), 50000 + k, tone, "640x480", objects.get(k % 7, "none")))
    for name, seed, tone, size, thing in runs:
        command = [rubor, "sample", "--out", os.path.join(root, name), "--seed", str(seed), "--tone", tone, "--days", "0",
                   "--size", size] + (["--object", thing] if thing else []) + (["--no-chart"] if seed % 2 == 0 or not thing else [])
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    make_scenes(*sys.argv[1:])
