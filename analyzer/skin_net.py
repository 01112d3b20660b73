#!/usr/bin/env python3
"""Trains the small network of the skin mask and writes analyzer/skin_net_table.c.

usage: skin_net.py PHOTOS SCENES [--steps N] [--rate X] [--save FILE] [--load FILE] > analyzer/skin_net_table.c

PHOTOS: a checkout of bearpaw/clothing-co-parsing (Clothing Co-Parsing, Yang, Luo, Lin, CVPR 2014; Apache License 2.0):
photos/NNNN.jpg and annotations/pixel-level/NNNN.mat. SCENES: folders made by `rubor sample --days 0 --size 640x480`.
Needs Debian's python3-torch, python3-opencv and python3-scipy. Nothing of the pictures is kept, only the weights.

The pictures are changed at random so that none of these matters: skin tone (melanin added to or taken from the labelled
skin along the direction between light and dark measured skins, ISSA, Lu et al. 2025), white balance, exposure, contrast,
scale, what stands behind the person, sharpness, JPEG.
"""

import argparse
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

SIDE = 192  # long side of what the network sees
FLOOR = 0.004
SKIN, HAIR = 41, 19
# OD of red, green and blue along which the 27 ISSA skins differ most under D65, and the next (blood)
TONE = np.array([0.466, 0.545, 0.697], np.float32) / 0.545
BLOOD = np.array([-0.783, 0.621, 0.038], np.float32)
RANDOM = np.random.default_rng(20261121)

LINEAR = np.arange(256) / 255.0
LINEAR = np.where(LINEAR <= 0.04045, LINEAR / 12.92, ((LINEAR + 0.055) / 1.055) ** 2.4).astype(np.float32)


def inputs(linear):
    """Log ratios and brightness against the photo's mean, as the analyzer makes them."""
    od = -np.log10(np.maximum(linear, 0) + FLOOR)
    brightness = 0.5 * (od[..., 0] + od[..., 1])
    return np.stack([(od[..., 1] - od[..., 0]) / 0.1 - 1, (od[..., 2] - od[..., 1]) / 0.1 - 1,
                     (brightness - brightness.mean()) / 0.3]).astype(np.float32)


# --- pictures ---------------------------------------------------------------------------------------------------------

def load_photos(root):
    """(RGB bytes, kind of each pixel: 0 background, 1 skin, 2 hair, 3 clothes)"""
    out = []
    for path in sorted(glob.glob(os.path.join(root, "annotations/pixel-level/*.mat"))):
        label = scipy.io.loadmat(path)["groundtruth"]
        photo = cv2.imread(os.path.join(root, "photos", os.path.basename(path)[:-4] + ".jpg"))[..., ::-1]
        kind = np.where(label == SKIN, 1, np.where(label == HAIR, 2, np.where(label > 0, 3, 0))).astype(np.uint8)
        if (kind == 1).sum() > 200:
            out.append((np.ascontiguousarray(photo), kind))
    return out


def load_scenes(root):
    out = []
    for folder in sorted(glob.glob(os.path.join(root, "*"))):
        for name in ("before", "day00"):
            photo = cv2.imread(os.path.join(folder, name + ".jpg"))
            truth = cv2.imread(os.path.join(folder, name + "_skin.png"), 0)
            if photo is not None and truth is not None:
                truth = cv2.resize(truth, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_NEAREST)
                out.append((np.ascontiguousarray(photo[..., ::-1]), (truth > 127).astype(np.uint8)))
    return out


def crop_of(kind, aspect):
    """Left, top, width, height of a crop; most have skin near their middle."""
    h, w = kind.shape
    height = h * np.exp(RANDOM.uniform(np.log(0.11), np.log(1.0)))
    width = min(height * aspect * RANDOM.uniform(0.88, 1.14), w)
    height = min(height, h)
    if RANDOM.random() < 0.85 and (kind == 1).any():
        ys, xs = np.nonzero(kind == 1)
        # the head is where most photos are taken of
        n = RANDOM.integers(len(ys) if RANDOM.random() < 0.4 else max(1, len(ys) // 3))
        cy, cx = ys[n] + RANDOM.normal(0, 0.2) * height, xs[n] + RANDOM.normal(0, 0.2) * width
    else:
        cy, cx = RANDOM.uniform(0, h), RANDOM.uniform(0, w)
    x = int(np.clip(cx - width / 2, 0, w - width))
    y = int(np.clip(cy - height / 2, 0, h - height))
    return x, y, max(int(width), 8), max(int(height), 8)


def resized(image, width, height):
    smaller = image.shape[0] > height
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def noise_field(width, height, cells):
    small = RANDOM.normal(0, 1, (max(2, int(cells * height / width)), cells)).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def backdrop(width, height):
    """A wall, cloth or wood of any color, lit unevenly, with or without grain; linear light."""
    od = np.zeros((height, width, 3), np.float32)
    gray, chroma = RANDOM.uniform(0.05, 1.3), abs(RANDOM.normal(0, 0.12))
    angle = RANDOM.uniform(-0.6, 1.2) if RANDOM.random() < 0.7 else RANDOM.uniform(0, 6.28)
    od += gray
    od[..., 0] -= chroma * np.cos(angle)
    od[..., 2] += chroma * (0.5 * np.cos(angle) + np.sin(angle))
    ramp = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * RANDOM.normal(0, 0.1)
    od += (ramp + np.linspace(-1, 1, height, dtype=np.float32)[:, None] * RANDOM.normal(0, 0.1))[..., None]
    kind = RANDOM.random()
    if kind < 0.3:  # grain that runs one way: wood, cloth
        stripes = noise_field(width, 2, int(RANDOM.integers(12, 90)))[:1]
        grain = np.repeat(stripes, height, 0) + 0.4 * noise_field(width, height, 24)
        if RANDOM.random() < 0.5:
            grain = cv2.resize(np.ascontiguousarray(grain.T), (width, height))
        od += (grain * RANDOM.uniform(0.01, 0.16))[..., None] * TONE
    elif kind < 0.6:
        for cells in (6, 20, 70):
            od += (noise_field(width, height, cells) * RANDOM.uniform(0, 0.08))[..., None] * RANDOM.uniform(0.7, 1.3, 3)
    return 10 ** -np.clip(od, -0.1, 2.4)


def another_skin(linear, skin, hair):
    """The same person with more or less melanin, and other blood."""
    od = -np.log10(linear + FLOOR)
    middle = np.median(od[..., 1][skin > 0.9]) if (skin > 0.9).sum() > 20 else 0.5
    to = RANDOM.uniform(0.2, 1.25)
    by = np.clip(to - middle, -0.35, 0.95)
    shape = (noise_field(skin.shape[1], skin.shape[0], 5) * 0.08 + 1)[..., None]
    od = od + skin[..., None] * shape * (by * TONE + RANDOM.normal(0, 0.03) * BLOOD) + hair[..., None] * max(by, 0) * 0.4
    return np.maximum(10 ** -od - FLOOR, 0)


def other_colors(linear, clothes, hair, background):
    """Clothes, hair and surroundings of other colors, now and then that of skin."""
    od = -np.log10(linear + FLOOR)
    for part, often, spread in ((clothes, 0.6, 0.22), (background, 0.4, 0.12), (hair, 0.4, 0.04)):
        if RANDOM.random() > often or part.sum() < 20:
            continue
        mean = (od * part[..., None]).sum((0, 1)) / part.sum()
        by = RANDOM.normal(0, spread, 3) + RANDOM.normal(0, 0.2)
        if part is hair:  # blond to dark
            by += RANDOM.uniform(-0.9, 0.1) * TONE
        elif RANDOM.random() < 0.3:  # to the color of some skin, nearly
            tone = RANDOM.uniform(0.15, 1.1)
            by = tone * TONE + np.array([-0.12, 0, 0]) + RANDOM.normal(0, 0.06, 3) - mean
        od = od + part[..., None] * by
    return np.clip(10 ** -od - FLOOR, 0, 1.2)


def camera(linear):
    """White balance, exposure and contrast astray, blur, noise and JPEG."""
    od = -np.log10(np.maximum(linear, 0) + FLOOR)
    od = (od - 0.5) * RANDOM.uniform(0.8, 1.25) + 0.5 + RANDOM.uniform(-0.1, 0.45)
    if RANDOM.random() < 0.4:  # vivid or dull colors
        mean = od.mean(2, keepdims=True)
        od = mean + (od - mean) * RANDOM.uniform(0.75, 1.7)
    warm = RANDOM.uniform(0, 0.3) if RANDOM.random() < 0.4 else 0  # lamplight
    od[..., 0] += RANDOM.normal(0, 0.05) - 0.4 * warm
    od[..., 2] += RANDOM.normal(0, 0.07) + 0.9 * warm
    out = np.clip(10 ** -od - FLOOR, 0, 1)
    if RANDOM.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), RANDOM.uniform(0.4, 1.2))
    encoded = np.where(out <= 0.0031308, out * 12.92, 1.055 * np.maximum(out, 1e-6) ** (1 / 2.4) - 0.055) * 255
    encoded = encoded + RANDOM.normal(0, RANDOM.uniform(0, 4), encoded.shape)
    return LINEAR[np.clip(encoded, 0, 255).astype(np.uint8)]


def example(photo, kind, is_scene, width, height, plain=False):
    x, y, w, h = crop_of(kind, width / height)
    if is_scene and RANDOM.random() < 0.6 or plain:
        x, y, w, h = 0, 0, kind.shape[1], kind.shape[0]
    part = kind[y:y + h, x:x + w]
    linear = resized(LINEAR[photo[y:y + h, x:x + w]], width, height)
    skin = resized((part == 1).astype(np.float32), width, height)
    if not plain:
        if not is_scene:
            hair = resized((part == 2).astype(np.float32), width, height)
            if RANDOM.random() < 0.7:
                linear = another_skin(linear, skin, hair)
            person = resized((part > 0).astype(np.float32), width, height)
            linear = other_colors(linear, np.clip(person - skin - hair, 0, 1), hair, 1 - person)
            if RANDOM.random() < 0.35:
                person = cv2.GaussianBlur(person, (0, 0), 0.7)[..., None]
                linear = linear * person + backdrop(width, height) * (1 - person)
        elif RANDOM.random() < 0.22:  # nothing but a wall, a table, a cloth
            linear, skin = backdrop(width, height), np.zeros_like(skin)
        linear = camera(linear)
        if RANDOM.random() < 0.5:
            linear, skin = linear[:, ::-1], skin[:, ::-1]
    return inputs(linear), cv2.resize(np.ascontiguousarray(skin), (width // 2, height // 2), interpolation=cv2.INTER_AREA)


SHAPES = [(192, 128), (192, 160), (192, 192), (128, 192), (160, 192), (128, 192)]
SMALL_SHAPES = [(128, 96), (128, 128), (96, 128)]  # to begin with: more pictures in the same time


def batch(photos, scenes, size, small):
    shapes = SMALL_SHAPES if small else SHAPES
    width, height = shapes[RANDOM.integers(len(shapes))]
    xs, ts = [], []
    for _ in range(size):
        is_scene = RANDOM.random() < 0.2
        photo, kind = (scenes if is_scene else photos)[RANDOM.integers(len(scenes if is_scene else photos))]
        a, t = example(photo, kind, is_scene, width, height)
        xs.append(a)
        ts.append(t)
    return torch.from_numpy(np.stack(xs)), torch.from_numpy(np.stack(ts))


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


WIDTHS = [16, 32, 48, 64, 80]


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


def loss_of(logits, truth):
    cross = F.binary_cross_entropy_with_logits(logits, truth)
    p = torch.sigmoid(logits)
    both, any_ = (p * truth).sum((1, 2)), (p + truth - p * truth).sum((1, 2))
    return cross + (1 - (both + 20) / (any_ + 20)).mean()


def check(net, examples):
    net.eval()
    values = []
    with torch.no_grad():
        for a, t in examples:
            m, t = net(torch.from_numpy(a[None]))[0].numpy() > 0, t > 0.5
            values.append((m & t).sum() / max((m | t).sum(), 1))
    net.train()
    return float(np.mean(values))


def train(photos, scenes, steps, rate, save, net):
    held, photos = photos[::20], [p for i, p in enumerate(photos) if i % 20]
    tests = []
    for photo, kind in held:
        for width, height in ((128, 192), (192, 160)):
            tests.append(example(photo, kind, False, width, height))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
    start, seen = time.time(), 0.0
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, step / 100) * max(0.5 * (1 + np.cos(np.pi * step / steps)), 0.002)
        x, t = batch(photos, scenes, 16, step < 0.5 * steps)
        loss = loss_of(net(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += float(loss.detach())
        if step % 100 == 0:
            print("%5d steps %4.1f min loss %.3f" % (step, (time.time() - start) / 60, seen / 100),
                  "held %.3f" % check(net, tests) if step % 500 == 0 else "", file=sys.stderr, flush=True)
            seen = 0.0
            if save:
                torch.save(net.state_dict(), save)
    print("held back %.3f" % check(net, tests), file=sys.stderr)


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
    for i in range(0, len(texts), 12):
        print("    " + ", ".join(texts[i:i + 12]) + ",")
    print("};")


def print_table(whole, scales, biases):
    print("/* Generated by analyzer/skin_net.py. Trained on Clothing Co-Parsing (Yang, Luo, Lin 2014; Apache License 2.0) and")
    print(" * on the project's own rendered scenes. */")
    print('#include "analyzer/skin_net.h"\n')
    print("/* clang-format off */")
    print("const signed char rubor_skin_net_weights[] = {")
    for i in range(0, len(whole), 300):
        print(",".join(str(v) for v in whole[i:i + 300]) + ",")
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
        for width, height in ((224, 160), (320, 224)):
            logits = net(torch.from_numpy(inputs(resized(picture, width, height))[None]))[0].numpy()
            total = total + cv2.resize(logits, (320, 224)) / 2
    for row in total[24::88, 20::70]:
        print("    {" + ", ".join("%.3ff" % v for v in row) + "},", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("photos")
    parser.add_argument("scenes")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--save")
    parser.add_argument("--load")
    options = parser.parse_args()
    torch.manual_seed(20261121)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    net = Net()
    if options.load:
        net.load_state_dict(torch.load(options.load))
    if options.steps > 0:
        train(load_photos(options.photos), load_scenes(options.scenes), options.steps, options.rate, options.save,
              net)
        if options.save:
            torch.save(net.state_dict(), options.save)
    net.eval()
    print_table(*rounded(net))
    print_test_values(net)


if __name__ == "__main__":
    main()
