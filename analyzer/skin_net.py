#!/usr/bin/env python3
"""Trains the small network of the skin mask and writes analyzer/skin_net_table.c.

usage: skin_net.py PHOTOS SCENES [--save FILE] [--load FILE] > analyzer/skin_net_table.c

PHOTOS: a checkout of bearpaw/clothing-co-parsing (Clothing Co-Parsing, Yang, Luo, Lin, CVPR 2014; Apache License 2.0):
photos/NNNN.jpg and annotations/pixel-level/NNNN.mat. SCENES: folders made by `rubor sample --days 0 --size 640x480`.
Needs Debian's python3-torch, python3-opencv and python3-scipy. Nothing of the pictures is kept, only the weights.

The pictures are changed at random so that none of these matters: skin tone (melanin added to or taken from the labelled
skin along the direction between light and dark measured skins, ISSA, Lu et al. 2025), white balance, exposure, contrast,
scale, what stands behind the person, who else is there, clothes (now and then none), sharpness, JPEG, too few pixels.
"""

import argparse
import copy
import glob
import os
import sys
import time

import cv2
import numpy as np
import scipy.io
import torch
import torch.nn.functional as F
from torch import nn

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


def normal(spread, size=None):
    return np.float32(RANDOM.normal(0, spread)) if size is None else RANDOM.normal(0, spread, size).astype(np.float32)


# --- pictures ---------------------------------------------------------------------------------------------------------

class Picture:
    """RGB bytes and what each pixel is, 0 or 255 each: skin, hair, clothes, unknown (counts nowhere), clothes that
    follow the body."""

    def __init__(self, photo, skin, hair=None, clothes=None, close=None):
        self.photo = np.ascontiguousarray(photo)
        nothing = np.zeros(skin.shape, bool)
        self.parts = np.stack([nothing if part is None else part for part in (skin, hair, clothes, None, close)],
                              2).astype(np.uint8) * 255
        self.is_scene = hair is None
        ys, xs = np.nonzero(skin)
        keep = RANDOM.integers(0, max(len(ys), 1), 400) if len(ys) else []
        self.places = np.stack([ys[keep], xs[keep]], 1) if len(ys) else np.zeros((0, 2), int)
        self.places = self.places[np.argsort(self.places[:, 0])]
        ys, xs = np.nonzero(self.parts[..., :3].any(2))
        self.box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) if len(ys) else (0, 0, 1, 1)


def load_photos(root):
    out = []
    for path in sorted(glob.glob(os.path.join(root, "annotations/pixel-level/*.mat"))):
        label = scipy.io.loadmat(path)["groundtruth"]
        photo = cv2.imread(os.path.join(root, "photos", os.path.basename(path)[:-4] + ".jpg"))[..., ::-1]
        if (label == SKIN).sum() > 200:
            out.append(Picture(photo, label == SKIN, label == HAIR, (label > 0) & (label != SKIN) & (label != HAIR),
                               np.isin(label, CLOSE)))
    return out


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


def resized(image, width, height):
    if image.shape[2] > 4:
        return np.dstack([resized(image[..., :4], width, height), resized(image[..., 4:], width, height)])
    smaller = image.shape[0] > height
    return cv2.resize(np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image), (width, height),
                      interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def cut(picture, x, y, w, h, width, height):
    """OD and parts (0 to 1) of a piece, width x height."""
    od = OD[resized(picture.photo[y:y + h, x:x + w], width, height)]
    return od, resized(picture.parts[y:y + h, x:x + w], width, height).astype(np.float32) / 255


def crop_of(picture, aspect):
    """Left, top, width, height of a crop; most have skin near their middle."""
    h, w = picture.parts.shape[:2]
    height = h * np.exp(RANDOM.uniform(np.log(0.11), np.log(1.0)))
    width = min(height * aspect * RANDOM.uniform(0.88, 1.14), w)
    height = min(height, h)
    places = picture.places
    if RANDOM.random() < 0.85 and len(places):
        # the head is where most photos are taken of
        n = RANDOM.integers(len(places) if RANDOM.random() < 0.4 else max(1, len(places) // 3))
        cy, cx = places[n][0] + RANDOM.normal(0, 0.2) * height, places[n][1] + RANDOM.normal(0, 0.2) * width
    else:
        cy, cx = RANDOM.uniform(0, h), RANDOM.uniform(0, w)
    x = int(np.clip(cx - width / 2, 0, w - width))
    y = int(np.clip(cy - height / 2, 0, h - height))
    return x, y, max(int(width), 8), max(int(height), 8)


def noise_field(width, height, cells):
    small = normal(1, (max(2, int(cells * height / width)), cells))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def any_color():
    """OD of a wall, a cloth, a page; brown and skin-like colors more often than others."""
    gray, chroma = RANDOM.uniform(0.03, 1.3), abs(RANDOM.normal(0, 0.14))
    angle = RANDOM.uniform(-0.6, 1.2) if RANDOM.random() < 0.6 else RANDOM.uniform(0, 6.28)
    return np.array([gray - chroma * np.cos(angle), gray, gray + chroma * (0.5 * np.cos(angle) + np.sin(angle))],
                    np.float32)


def backdrop(width, height):
    """A wall, cloth, wood or a page of panels and lines of text, lit unevenly, with or without grain; OD."""
    od = np.empty((height, width, 3), np.float32)
    od[:] = any_color()
    kind = RANDOM.random()
    if kind < 0.3:  # grain that runs one way: wood, cloth
        stripes = noise_field(width, 2, int(RANDOM.integers(12, 90)))[:1]
        grain = np.repeat(stripes, height, 0) + np.float32(0.4) * noise_field(width, height, 24)
        if RANDOM.random() < 0.5:
            grain = cv2.resize(np.ascontiguousarray(grain.T), (width, height))
        od += (grain * np.float32(RANDOM.uniform(0.01, 0.16)))[..., None] * TONE
    elif kind < 0.6:
        for cells in (6, 20, 70):
            shade = RANDOM.uniform(0.7, 1.3, 3).astype(np.float32)
            od += (noise_field(width, height, cells) * np.float32(RANDOM.uniform(0, 0.08)))[..., None] * shade
    elif kind < 0.85:
        for _ in range(RANDOM.integers(1, 6)):
            x, y = int(RANDOM.uniform(-0.3, 1) * width), int(RANDOM.uniform(-0.3, 1) * height)
            w, h = int(RANDOM.uniform(0.1, 1) * width), int(RANDOM.uniform(0.1, 1) * height)
            color = tuple(float(v) for v in any_color())
            if RANDOM.random() < 0.3:
                cv2.ellipse(od, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, color, -1)
            else:
                cv2.rectangle(od, (x, y), (x + w, y + h), color, -1)
        if RANDOM.random() < 0.5:
            write_text(od)
    ramp = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * normal(0.1)
    od += (ramp + np.linspace(-1, 1, height, dtype=np.float32)[:, None] * normal(0.1))[..., None]
    return np.clip(od, -0.1, 2.4)


def write_text(od):
    for _ in range(RANDOM.integers(1, 5)):
        text = "".join(chr(c) for c in RANDOM.integers(33, 122, RANDOM.integers(3, 16)))
        at = int(RANDOM.uniform(-0.1, 0.8) * od.shape[1]), int(RANDOM.uniform(0.05, 1) * od.shape[0])
        cv2.putText(od, text, at, int(RANDOM.integers(0, 4)), float(RANDOM.uniform(0.25, 1.2)),
                    tuple(float(v) for v in any_color()), int(RANDOM.integers(1, 3)), cv2.LINE_AA)


def bare(od, parts):
    """In place of clothes that follow the body, skin: the color of what is seen of it, the folds nearly smoothed away."""
    inside, close = od[parts[..., 0] > 0.9], parts[..., 4:5].copy()
    if len(inside) < 20 or close.sum() < 20:
        return
    folds = cv2.GaussianBlur(od[..., 1], (0, 0), od.shape[1] / 40)[..., None]
    folds = np.clip(np.float32(0.4) * (folds - (folds * close).sum() / close.sum()), -0.25, 0.25)
    folds += np.float32(0.03) * noise_field(od.shape[1], od.shape[0], 6)[..., None]
    od += close * (np.median(inside, 0) + folds - od)
    parts[..., 0:1] = np.maximum(parts[..., 0:1], close)
    parts[..., 2:3] *= 1 - close


def other_person(od, parts):
    """The same person with more or less melanin, other blood, hair and clothes, these now and then of skin's color."""
    if RANDOM.random() < 0.12:
        bare(od, parts)
    skin, hair, clothes = (parts[..., k:k + 1] for k in range(3))
    if RANDOM.random() < 0.7:
        inside = od[..., 1][parts[..., 0] > 0.9]
        middle = np.median(inside[::7]) if len(inside) > 20 else 0.5
        by = np.float32(np.clip(RANDOM.uniform(0.15, 1.25) - middle, -0.4, 0.95))
        shape = (noise_field(od.shape[1], od.shape[0], 5) * np.float32(0.08) + 1)[..., None]
        od += skin * shape * (by * TONE + normal(0.03) * BLOOD) + hair * (max(by, np.float32(0)) * np.float32(0.4))
    for part, often, spread in ((clothes, 0.6, 0.22), (hair, 0.5, 0.04)):
        if RANDOM.random() > often:
            continue
        by = normal(spread, 3) + normal(0.2)
        if part is hair:  # blond to dark
            by += np.float32(RANDOM.uniform(-0.9, 0.1)) * TONE
        elif RANDOM.random() < 0.12:
            by = to_skin(od, part)
        od += part * by


def to_skin(od, part):
    """What brings the mean of a part nearly to the color of some skin."""
    mean = (od * part).sum((0, 1)) / max(part.sum(), 1)
    return np.float32(RANDOM.uniform(0.15, 1.1)) * TONE + np.array([-0.12, 0, 0], np.float32) + normal(0.06, 3) - mean


def other_surroundings(od, parts):
    behind = 1 - np.minimum(parts[..., :3].sum(2, keepdims=True), 1)
    choice = RANDOM.random()
    if choice < 0.35:
        behind = cv2.GaussianBlur(behind, (0, 0), 0.7)[..., None]
        od += behind * (backdrop(od.shape[1], od.shape[0]) - od)
        parts[..., 3] *= 1 - behind[..., 0]
    elif choice < 0.6:
        skinlike = RANDOM.random() < 0.3
        od += behind * (to_skin(od, behind) if skinlike else normal(0.12, 3) + normal(0.2))


def add_people(od, parts, photos):
    """A few others, whole or from the waist or shoulders up, before or behind who is there."""
    height, width = od.shape[:2]
    behind = RANDOM.random() < 0.7
    size = np.exp(RANDOM.uniform(np.log(0.15), np.log(0.8)))
    for _ in range(RANDOM.integers(1, 7)):
        picture = photos[RANDOM.integers(len(photos))]
        x0, y0, x1, y1 = picture.box
        y1 = y0 + max(8, int((y1 - y0) * RANDOM.choice([1.0, 0.5, 0.28])))
        h = int(height * min(size * RANDOM.uniform(0.7, 1.4), 1.2))
        w = max(4, int(h * (x1 - x0) / (y1 - y0)))
        if h < 8 or w > 2 * width:
            continue
        piece, labels = cut(picture, x0, y0, x1 - x0, y1 - y0, w, h)
        other_person(piece, labels)
        left, top = int(RANDOM.uniform(-0.3 * w, width - 0.7 * w)), int(RANDOM.uniform(-0.1 * h, height - 0.6 * h))
        a, b, c, d = max(left, 0), max(top, 0), min(left + w, width), min(top + h, height)
        if c - a < 3 or d - b < 3:
            continue
        piece, labels = (v[b - top:d - top, a - left:c - left] for v in (piece, labels))
        alpha = np.minimum(labels[..., :3].sum(2, keepdims=True), 1)
        if behind:
            alpha *= 1 - np.minimum(parts[b:d, a:c, :3].sum(2, keepdims=True), 1)
        od[b:d, a:c] += alpha * (piece - od[b:d, a:c])
        parts[b:d, a:c] += alpha * (labels * np.array([1, 1, 1, 0, 0], np.float32) - parts[b:d, a:c])


def on_page(od, parts):
    """The picture smaller, among panels and text."""
    height, width = od.shape[:2]
    w, h = int(width * RANDOM.uniform(0.45, 1)), int(height * RANDOM.uniform(0.45, 1))
    x, y = int(RANDOM.uniform(0, width - w)), int(RANDOM.uniform(0, height - h))
    page, labels = backdrop(width, height), np.zeros_like(parts)
    page[y:y + h, x:x + w] = resized(od, w, h)
    labels[y:y + h, x:x + w] = resized(parts, w, h)
    return page, labels


def camera(od):
    """White balance, exposure and contrast astray, blur, noise, JPEG and too few pixels."""
    height, width = od.shape[:2]
    if RANDOM.random() < 0.3:  # light from one side
        ramp = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * normal(0.12)
        od = od + (ramp + np.linspace(-1, 1, height, dtype=np.float32)[:, None] * normal(0.12))[..., None]
    od = (od - np.float32(0.5)) * np.float32(RANDOM.uniform(0.8, 1.3)) + np.float32(0.5 + RANDOM.uniform(-0.3, 0.45))
    if RANDOM.random() < 0.4:  # vivid or dull colors
        mean = od.mean(2, keepdims=True)
        od = mean + (od - mean) * np.float32(RANDOM.uniform(0.7, 1.7))
    warm = RANDOM.uniform(-0.12, 0.3) if RANDOM.random() < 0.5 else 0  # lamplight, or shade under a blue sky
    od = od + np.array([RANDOM.normal(0, 0.05) - 0.4 * warm, 0, RANDOM.normal(0, 0.07) + 0.9 * warm], np.float32)
    out = ENCODED[np.clip((od - OD_FIRST) * OD_STEPS, 0, len(ENCODED) - 1).astype(np.int32)]
    if RANDOM.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), RANDOM.uniform(0.4, 1.2))
    first = RANDOM.integers(len(GRAIN) - out.size)
    out = out + GRAIN[first:first + out.size].reshape(out.shape) * np.float32(RANDOM.uniform(0, 4))
    out = np.clip(out, 0, 255).astype(np.uint8)
    if RANDOM.random() < 0.2:  # a small picture, enlarged
        smaller = RANDOM.uniform(1.3, 3)
        out = cv2.resize(cv2.resize(out, (int(width / smaller), int(height / smaller)), interpolation=cv2.INTER_AREA),
                         (width, height), interpolation=cv2.INTER_LINEAR)
    if RANDOM.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(RANDOM.integers(25, 95))]
        out = cv2.imdecode(cv2.imencode(".jpg", out[..., ::-1], quality)[1], cv2.IMREAD_COLOR)[..., ::-1]
    return OD[out]


def example(photos, picture, width, height, plain=False):
    """Inputs, share of skin and weight of each pixel of the output."""
    x, y, w, h = crop_of(picture, width / height)
    if picture.is_scene and RANDOM.random() < 0.6 or plain:
        x, y, w, h = 0, 0, picture.parts.shape[1], picture.parts.shape[0]
    od, parts = cut(picture, x, y, w, h, width, height)
    if not plain:
        if not picture.is_scene:
            other_person(od, parts)
            other_surroundings(od, parts)
            if RANDOM.random() < 0.35:
                add_people(od, parts, photos)
            if RANDOM.random() < 0.15:
                od, parts = on_page(od, parts)
            if RANDOM.random() < 0.06:
                write_text(od)
        elif RANDOM.random() < 0.22:  # nothing but a wall, a table, a cloth
            od, parts = backdrop(width, height), np.zeros_like(parts)
        od = camera(od)
        if RANDOM.random() < 0.5:
            od, parts = od[:, ::-1], np.ascontiguousarray(parts[:, ::-1])
    skin, unknown = (resized(parts[..., k:k + 1], width // 2, height // 2) for k in (0, 3))
    return inputs(od), skin, (1 - unknown) * (1 - 2 * skin * (1 - skin))


SHAPES = [(192, 128), (192, 160), (192, 192), (128, 192), (160, 192), (128, 192)]
SMALL_SHAPES = [(128, 96), (128, 128), (96, 128)]  # to begin with: more pictures in the same time


def batch(photos, scenes, size, small):
    shapes = SMALL_SHAPES if small else SHAPES
    width, height = shapes[RANDOM.integers(len(shapes))]
    made = []
    for _ in range(size):
        of = scenes if RANDOM.random() < 0.15 else photos
        made.append(example(photos, of[RANDOM.integers(len(of))], width, height))
    return [torch.from_numpy(np.stack(part)) for part in zip(*made)]


# --- the network ------------------------------------------------------------------------------------------------------

def point(a, b):
    return [nn.Conv2d(a, b, 1, bias=False), nn.BatchNorm2d(b)]


class Block(nn.Module):
    """Depthwise 3 x 3, then 1 x 1; added to its input where the shape stays."""

    def __init__(self, a, b, stride=1):
        super().__init__()
        self.depth = nn.Sequential(nn.Conv2d(a, a, 3, stride, 1, groups=a, bias=False), nn.BatchNorm2d(a))
        self.point = nn.Sequential(*point(a, b))
        self.adds = a == b and stride == 1

    def forward(self, x):
        y = self.point(F.relu(self.depth(x)))
        return F.relu(x + y if self.adds else y)


WIDTHS = [16, 40, 72, 112, 160]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTHS
        self.first = nn.Sequential(nn.Conv2d(3, w[0], 3, 2, 1, bias=False), nn.BatchNorm2d(w[0]))
        self.down = nn.ModuleList([Block(w[0], w[0])])
        self.down += [nn.Sequential(Block(w[i], w[i + 1], 2), *[Block(w[i + 1], w[i + 1]) for _ in range(1 if i == 0 else 2)])
                      for i in range(4)]
        self.whole = nn.Linear(w[4], w[4])
        self.side = nn.ModuleList([nn.Sequential(*point(w[i + 1], w[i])) for i in range(4)])
        self.up = nn.ModuleList([Block(w[i], w[i]) for i in range(4)])
        self.last = nn.Conv2d(w[0], 1, 1)

    def forward(self, x):
        x = F.relu(self.first(x))
        levels = []
        for level in self.down:
            x = level(x)
            levels.append(x)
        x = F.relu(x + self.whole(x.mean((2, 3)))[:, :, None, None])
        for i in (3, 2, 1, 0):
            x = F.interpolate(self.side[i](x), scale_factor=2, mode="nearest")
            x = self.up[i](F.relu(x + levels[i]))
        return self.last(x)[:, 0]


def loss_of(logits, truth, weight):
    cross = (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * weight).mean()
    p = torch.sigmoid(logits) * weight
    truth = truth * weight
    both, any_ = (p * truth).sum((1, 2)), (p + truth - p * truth).sum((1, 2))
    return cross + (1 - (both + 20) / (any_ + 20)).mean()


def check(net, examples):
    net.eval()
    values = []
    with torch.no_grad():
        for a, t, _ in examples:
            m, t = net(torch.from_numpy(a[None]))[0].numpy() > 0, t > 0.5
            values.append((m & t).sum() / max((m | t).sum(), 1))
    net.train()
    return float(np.mean(values))


def doubt_bystanders(net, photos, side=384):
    """Only one person of a photo is labelled: what looks like skin behind is unknown from now on."""
    net.eval()
    with torch.no_grad():
        for picture in photos:
            h, w = picture.parts.shape[:2]
            width, height = (max(2, round(v * side / max(w, h) / 32)) * 32 for v in (w, h))
            logits = net(torch.from_numpy(inputs(OD[resized(picture.photo, width, height)])[None]))[0].numpy()
            found = cv2.dilate((logits > 0).astype(np.uint8) * 255, np.ones((3, 3), np.uint8))
            found = cv2.resize(found, (w, h), interpolation=cv2.INTER_LINEAR)
            near = cv2.dilate(picture.parts[..., :3].max(2), np.ones((5, 5), np.uint8))
            picture.parts[..., 3] = np.where((found > 127) & (near == 0), 255, 0)
    net.train()


class Average:
    """The network with weights averaged over the last steps."""

    def __init__(self, net):
        self.net, self.steps = copy.deepcopy(net), 0

    def add(self, net):
        self.steps += 1
        keep = min(0.998, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, now in zip(self.net.state_dict().values(), net.state_dict().values()):
                mean.copy_(mean * keep + now * (1 - keep) if mean.is_floating_point() else now)


# Steps, highest rate, how far the rate has fallen at which share of the steps. A round starts from the average of the one
# before. Small pictures until the fall is at SMALL_UNTIL of the first; then what may be a bystander is unknown.
ROUNDS = ((10235, 4e-3, ((0, 0), (0.15, 0.38), (1, 1))),)
SMALL_UNTIL = 0.45


def train_round(photos, scenes, tests, which, save, net):
    """Returns the network averaged over the last steps."""
    steps, rate, pace = ROUNDS[which]
    net = net.to(memory_format=torch.channels_last)
    average = Average(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-3)
    start, seen, doubted = time.time(), 0.0, False
    for step in range(1, steps + 1):
        done = np.interp(step / steps, *zip(*pace))
        small = which == 0 and done < SMALL_UNTIL
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, step / 200) * max(0.5 * (1 + np.cos(np.pi * done)), 0.002)
        if not small and not doubted:
            doubt_bystanders(average.net, photos)
            doubted = True
        x, truth, weight = batch(photos, scenes, 16, small)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), truth, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.add(net)
        seen += float(loss.detach())
        if step % 100 == 0:
            print("round %d, %5d steps, %4.1f min, loss %.3f" % (which + 1, step, (time.time() - start) / 60, seen / 100),
                  "held back %.3f" % check(average.net, tests) if step % 500 == 0 else "", file=sys.stderr, flush=True)
            seen = 0.0
            if save:
                torch.save(average.net.state_dict(), save)
    return average.net


def train(photos, scenes, save, net):
    held, photos = photos[::20], [p for i, p in enumerate(photos) if i % 20]
    tests = [example(held, p, width, height) for p in held for width, height in ((128, 192), (192, 160))]
    for which in range(len(ROUNDS)):
        net = train_round(photos, scenes, tests, which, save, net)
    return net


# --- the table --------------------------------------------------------------------------------------------------------

def parts(net):
    """(convolution, normalization or None) in the order in which skin_net.c reads them."""
    def block(b):
        return [tuple(b.depth), tuple(b.point)]
    out = [tuple(net.first)]
    for level in net.down:
        for b in level if isinstance(level, nn.Sequential) else [level]:
            out += block(b)
    out.append((net.whole, None))
    for i in (3, 2, 1, 0):
        out.append(tuple(net.side[i]))
        out += block(net.up[i])
    out.append((net.last, None))
    return out


def rounded(net):
    """Whole weights, scales and biases, the normalization folded in; the network itself gets the rounded weights."""
    whole, scales, biases = [], [], []
    with torch.no_grad():
        for conv, norm in parts(net):
            factor, bias = torch.ones(conv.weight.shape[0]), conv.bias
            if norm is not None:
                factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
                bias = norm.bias - norm.running_mean * factor
            flat = (conv.weight.flatten(1) * factor[:, None]).numpy()
            scale = np.maximum(np.abs(flat).max(1), 1e-9) / 127
            integers = np.rint(flat / scale[:, None])
            back = torch.from_numpy(integers * scale[:, None]) / torch.where(factor == 0, torch.ones(1), factor)[:, None]
            conv.weight.copy_(back.reshape(conv.weight.shape))
            whole.append(integers.astype(int).ravel())
            scales += list(scale)
            biases += list(bias.numpy())
    return np.concatenate(whole), scales, biases


def print_floats(name, values):
    print("const float %s[] = {" % name)
    texts = ["%.6gf" % v if "." in "%.6g" % v or "e" in "%.6g" % v else "%.6g.0f" % v for v in values]
    for i in range(0, len(texts), 24):
        print("    " + ", ".join(texts[i:i + 24]) + ",")
    print("};")


def print_table(whole, scales, biases):
    print("/* Generated by analyzer/skin_net.py. Trained on Clothing Co-Parsing (Yang, Luo, Lin 2014; Apache License 2.0) and")
    print(" * on the project's own rendered scenes. */")
    print('#include "analyzer/skin_net.h"\n')
    print("/* clang-format off */")
    print("const signed char rubor_skin_net_weights[] = {")
    for i in range(0, len(whole), 500):
        print(",".join(str(v) for v in whole[i:i + 500]) + ",")
    print("};")
    print_floats("rubor_skin_net_scales", scales)
    print_floats("rubor_skin_net_biases", biases)
    print("/* clang-format on */")


def print_test_values(net):
    """What tests/unit/analyzer/test_skin_net.c expects: log-odds at half size of a picture that both can make."""
    y, x = np.mgrid[0:224, 0:320]
    red = (0.15 + 0.6 * x / 320).astype(np.float32)
    green = (red * (0.5 + 0.3 * y / 224)).astype(np.float32)
    blue = (green * (0.6 + 0.2 * ((x // 40 + y // 40) % 2))).astype(np.float32)
    picture, total = np.stack([red, green, blue], 2), 0
    with torch.no_grad():
        for width, height in ((256, 192), (384, 256)):
            logits = net(torch.from_numpy(inputs(od_of(resized(picture, width, height)))[None]))[0].numpy()
            total = total + cv2.resize(logits, (320, 224)) / 2
    for row in total[24::88, 20::70]:
        print("    {" + ", ".join("%.3ff" % v for v in row) + "},", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("photos")
    parser.add_argument("scenes")
    parser.add_argument("--save")
    parser.add_argument("--load", help="no training: only the table of what --save wrote")
    options = parser.parse_args()
    torch.manual_seed(20261121)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    net = Net()
    if options.load:
        net.load_state_dict(torch.load(options.load))
    else:
        net = train(load_photos(options.photos), load_scenes(options.scenes), options.save, net)
    net.eval()
    print_table(*rounded(net))
    print_test_values(net)


if __name__ == "__main__":
    main()
