#!/usr/bin/env python3
"""Trains the small network of the skin mask and writes analyzer/skin_net_table.c.

usage: skin_net.py PHOTOS SCENES [--save FILE] [--until STEP] [--start FILE] [--load FILE] > analyzer/skin_net_table.c

PHOTOS: a checkout of bearpaw/clothing-co-parsing (Clothing Co-Parsing, Yang, Luo, Lin, CVPR 2014; Apache License 2.0):
photos/NNNN.jpg and annotations/pixel-level/NNNN.mat (only half of the photographs have one). SCENES: folders made by `rubor sample --days 0 --size 640x480`.
Needs Debian's python3-torch, python3-opencv and python3-scipy and 13 GB of memory. Nothing of the pictures is kept, only
the weights. How the pictures are changed: skin_net_scenes.py.

A run is a fixed number of steps on one thread, in two parts, and everything random is seeded: the same versions on the
same kind of processor give the same bits. In the second part the network also learns from the photographs that nobody
labelled, where it is sure of itself. --start begins with the second part, from the weights that --save wrote at the end
of the first. The committed table is such a run: its first part is that of commit 825f5c4, whose pictures were not turned.
"""

import argparse
import collections
import copy
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from skin_net_scenes import (OD, RANDOM, Picture, example, inputs, load_photos, load_scenes, load_unlabelled, od_of,
                             resized, unchanged)

WARM_UP, CHECK = 200, 500
# Stages: up to which share of the steps, how many pictures a step, their sizes: small ones to begin with, more in the
# same time.
Part = collections.namedtuple("Part", "steps rate stages")
FIRST = Part(22000, 4e-3, (
    (0.25, 16, [(128, 96), (128, 128), (96, 128)]),
    (0.70, 16, [(192, 128), (192, 160), (192, 192), (128, 192), (160, 192), (128, 192)]),
    (1.00, 10, [(256, 192), (256, 192), (224, 224), (192, 256)])))
SECOND = Part(15000, 2e-3, ((1.00, 12, [(192, 160), (256, 192), (192, 192), (224, 224), (192, 256), (160, 192)]),))


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
    """Mean intersection over union."""
    net.eval()
    values = []
    with torch.no_grad():
        for a, t, w in examples:
            m, t = (net(torch.from_numpy(a[None]))[0].numpy() > 0) & (w > 0), t > 0.5
            values.append((m & t).sum() / max((m | t).sum(), 1))
    net.train()
    return float(np.mean(values))


def doubt_bystanders(net, photos, side=384):
    """Only one person of a photo is labelled: what looks like skin behind is unknown from now on."""
    net.eval()
    with torch.no_grad():
        for picture in photos:
            photo, parts, _ = picture.levels[0]
            h, w = picture.height, picture.width
            width, height = (max(2, round(v * side / max(w, h) / 32)) * 32 for v in (w, h))
            logits = net(torch.from_numpy(inputs(OD[resized(photo, width, height)])[None]))[0].numpy()
            found = cv2.dilate((logits > 0).astype(np.uint8) * 255, np.ones((3, 3), np.uint8))
            found = cv2.resize(found, (w, h), interpolation=cv2.INTER_LINEAR)
            near = cv2.dilate(parts[..., :3].max(2), np.ones((5, 5), np.uint8))
            picture.doubt(np.where((found > 127) & (near == 0), 255, 0).astype(np.uint8))
    net.train()


def guess(net, photos, sides=(256, 384), sure=0.85):
    """Photographs that nobody labelled, with what the network is sure of; the rest counts neither way."""
    net.eval()
    out = []
    with torch.no_grad():
        for photo in photos:
            h, w = photo.shape[:2]
            odds = 0
            for side in sides:
                width, height = (max(2, round(v * side / max(w, h) / 32)) * 32 for v in (w, h))
                x = OD[resized(photo, width, height)]
                both = np.stack([inputs(x), inputs(x[:, ::-1])])
                one, two = net(torch.from_numpy(both)).numpy()
                odds = odds + cv2.resize((one + two[:, ::-1]) / (2 * len(sides)), (w, h), interpolation=cv2.INTER_LINEAR)
            p = 1 / (1 + np.exp(-odds))
            if (p > sure).sum() < 200:
                continue
            picture = Picture(photo, p > 0.5, np.zeros((h, w), np.uint8), guessed=True)
            picture.doubt(np.where((p > 1 - sure) & (p < sure), 255, 0).astype(np.uint8))
            out.append(picture)
    net.train()
    return out


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


def batch(photos, guessed, scenes, size, shapes):
    width, height = shapes[RANDOM.integers(len(shapes))]
    made = [example(photos, guessed, scenes, width, height) for _ in range(size)]
    return [torch.from_numpy(np.stack(part)) for part in zip(*made)]


def rate_at(step, part):
    return part.rate * min(1, step / WARM_UP) * max(0.5 * (1 + np.cos(np.pi * step / part.steps)), 0.002)


def run(part, net, pictures, tests, save, until):
    """Returns the network averaged over the last steps. pictures: photographs, guessed ones, scenes."""
    average = Average(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=part.rate, weight_decay=1e-3)
    start, seen, doubted = time.time(), 0.0, False
    for step in range(1, min(part.steps, until) + 1):
        stage = next(k for k, (end, _, _) in enumerate(part.stages) if step <= end * part.steps)
        if stage > 0 and not doubted:
            doubt_bystanders(average.net, pictures[0])
            doubted = True
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, part)
        x, truth, weight = batch(*pictures, *part.stages[stage][1:])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), truth, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.add(net)
        seen += float(loss.detach())
        if step % CHECK == 0:
            print("%5d steps, %4.1f min, loss %.3f, held back %.3f"
                  % (step, (time.time() - start) / 60, seen / CHECK, check(average.net, tests)), file=sys.stderr, flush=True)
            seen = 0.0
            if save:
                torch.save(average.net.state_dict(), save)
    return average.net


def train(options):
    net = Net()
    if options.start:
        net.load_state_dict(torch.load(options.start))
    photos, unlabelled, scenes = load_photos(options.photos), load_unlabelled(options.photos), load_scenes(options.scenes)
    held, photos = photos[::20], [p for i, p in enumerate(photos) if i % 20]
    tests = [unchanged(p, width, height) for p in held for width, height in ((128, 192), (192, 160))]
    net = net.to(memory_format=torch.channels_last)
    if not options.start:
        net = run(FIRST, net, (photos, [], scenes), tests, options.save, options.until)
    left = options.until - FIRST.steps
    if left <= 0:
        return net
    doubt_bystanders(net, photos)
    return run(SECOND, net, (photos, guess(net, unlabelled), scenes), tests, options.save, left)


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
    picture = np.stack([red, green, blue], 2)
    for near, far in (((256, 192), (512, 352)), ((256, 192), (384, 256))):
        total = 0
        with torch.no_grad():
            for (width, height), turn in ((near, 1), (far, -1)):
                x = np.ascontiguousarray(inputs(od_of(resized(picture, width, height)))[None, :, :, ::turn])
                total = total + cv2.resize(net(torch.from_numpy(x))[0].numpy()[:, ::turn], (320, 224)) / 2
        for row in total[24::88, 20::70]:
            print("    {" + ", ".join("%.3ff" % v for v in row) + "},", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("photos")
    parser.add_argument("scenes")
    parser.add_argument("--save", help="where the weights go every %d steps" % CHECK)
    parser.add_argument("--until", type=int, default=FIRST.steps + SECOND.steps, help="ended after this many steps")
    parser.add_argument("--start", help="only the second part, from what --save wrote at the end of the first")
    parser.add_argument("--load", help="no training: only the table of what --save wrote")
    options = parser.parse_args()
    torch.manual_seed(20261121)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    cv2.setNumThreads(1)
    if options.load:
        net = Net()
        net.load_state_dict(torch.load(options.load))
    else:
        net = train(options)
    net.eval()
    print_table(*rounded(net))
    print_test_values(net)


if __name__ == "__main__":
    main()
