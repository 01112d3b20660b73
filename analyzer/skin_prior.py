#!/usr/bin/env python3
"""Trains the color prior of the skin mask and writes analyzer/skin_prior.c.

usage: skin_prior.py DATA > analyzer/skin_prior.c

DATA is the folder of reference data: skin_nonskin/skin_nonskin_bgr.csv (UCI Skin Segmentation, Bhatt and Dhall 2012,
CC BY 4.0) and spectra/ (ISSA skin reflectances, Lu et al. 2025, CC BY 4.0; CIE 15:2018; measured camera
sensitivities). Nothing of them is kept but two small tables of log-likelihood ratios over two log ratios of
linear light: u = log10(R/G) and v = log10(G/B). No brightness enters, so that no skin tone is preferred by it.
"""

import csv
import os
import sys

import numpy as np

BINS, FIRST, STEP = 48, -0.30, 0.025
FLOOR = 0.004  # linear light added to each channel, as the analyzer does
SCALE = 20.0   # table units per natural log
RANDOM = np.random.default_rng(20261120)


def table(path):
    with open(path, newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f))
    return rows[0], rows[1:]


def spectra(path):
    """Columns of a CSV with nm first, at 380..730 by 10."""
    head, rows = table(path)
    data = np.array([[float(x or 0) for x in r] for r in rows])
    grid = np.arange(380, 731, 10)
    return head[1:], np.array([np.interp(grid, data[:, 0], data[:, i]) for i in range(1, data.shape[1])])


def ratios(linear):
    logs = np.log10(np.maximum(linear, 0) + FLOOR)
    return logs[:, 0] - logs[:, 1], logs[:, 1] - logs[:, 2]


def histogram(u, v, blur):
    h, _, _ = np.histogram2d(v, u, bins=BINS, range=[[FIRST, FIRST + BINS * STEP]] * 2)
    h /= max(h.sum(), 1)
    x = np.arange(-12, 13)
    k = np.exp(-0.5 * (x / blur) ** 2)
    k /= k.sum()
    for axis in (0, 1):
        h = np.apply_along_axis(lambda r: np.convolve(np.pad(r, 12, mode="edge"), k, "valid"), axis, h)
    return h / h.sum()


def skin_reflectances(root):
    """Measured skins, and the same with more or less blood and melanin."""
    head, rows = table(os.path.join(root, "skin_issa_subset.csv"))
    names = ["R%d" % n for n in range(380, 731, 10)]
    columns = [(head.index(n), float(n[1:])) for n in names]
    measured = []
    for r in rows:
        known = [(nm, float(r[i])) for i, nm in columns if r[i]]
        measured.append(np.interp([nm for _, nm in columns], *zip(*known)))
    _, absorption = spectra(os.path.join(root, "melanin_and_blood_mua_380_1000_5.csv"))
    grid = np.arange(380, 731, 10)
    melanin = absorption[0] / np.interp(560, grid, absorption[0])
    shape_nm = [380, 400, 420, 440, 460, 480, 500, 520, 540, 550, 560, 570, 580, 590, 600, 610, 620, 630, 640, 660, 730]
    shape = [.7, .73, .81, .77, .96, .94, .84, .86, .99, .95, .91, .99, 1, .68, .36, .20, .12, .08, .05, .03, 0]
    blood = np.interp(grid, shape_nm, shape)
    out = []
    for r in measured:
        for b in (-0.06, 0, 0.08, 0.16, 0.26):
            for m in (-0.05, 0, 0.1, 0.25):
                od = -np.log10(np.maximum(r - 0.01, 0.01)) + b * blood + m * melanin
                out.append(10 ** -od + 0.01)
    return np.clip(np.array(out), 0.005, 1)


def observed(reflectances, root, wild):
    """Colors after a camera, a lamp and a matrix fitted to 24 patches; wild: white balance and contrast astray."""
    _, patches = spectra(os.path.join(root, "cc24_babelcolor_average_380_730_10.csv"))
    _, lamps = spectra(os.path.join(root, "cie_illuminants_380_780_5.csv"))
    _, cmf = spectra(os.path.join(root, "cie1931_2deg_cmf_380_780_5.csv"))
    lamp_names = table(os.path.join(root, "cie_illuminants_380_780_5.csv"))[0][1:]
    d65 = lamps[lamp_names.index("D65")]
    to_rgb = np.array([[3.2406, -1.5372, -.4986], [-.9689, 1.8758, .0415], [.0557, -.2040, 1.0570]])
    norm = (d65 * cmf[1]).sum()
    target = (patches * d65) @ cmf.T / norm @ to_rgb.T
    u, v = [], []
    cameras = sorted(os.listdir(os.path.join(root, "cameras")))
    for camera in cameras:
        _, sensitivity = spectra(os.path.join(root, "cameras", camera))
        for lamp in lamps:
            effective = sensitivity * lamp
            effective = effective / effective.sum(axis=1, keepdims=True)
            matrix = np.linalg.lstsq(patches @ effective.T, target, rcond=None)[0]
            rgb = reflectances @ effective.T @ matrix
            shading = 10 ** RANDOM.uniform(-0.4, 0.1, (len(rgb), 1))
            # Veiling glare that was not taken away, or too much of it that was.
            rgb = np.maximum(np.maximum(rgb, 0.002) * shading + RANDOM.uniform(-0.014, 0.014, (len(rgb), 1)), 0.002)
            if wild:
                cast = 10 ** RANDOM.normal(0, [[0.05, 0.0, 0.06]], (len(rgb), 3))
                contrast = RANDOM.uniform(0.85, 1.25, (len(rgb), 1))
                rgb = (rgb * cast) ** contrast
            rgb *= 1 + RANDOM.normal(0, 0.015, rgb.shape)
            a, b = ratios(rgb)
            u.append(a)
            v.append(b)
    return np.concatenate(u), np.concatenate(v)


def uci(path):
    data = np.loadtxt(path, delimiter=",", skiprows=1)
    encoded = data[:, 2::-1] / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    u, v = ratios(linear)
    skin = data[:, 3] == 1
    # The other things are few scenes with many rows each: every occupied cell counts by the root of its rows.
    other = histogram(u[~skin], v[~skin], 0.3)
    other = np.sqrt(other)
    x = np.arange(-12, 13)
    k = np.exp(-0.5 * (x / 2.0) ** 2)
    k /= k.sum()
    for axis in (0, 1):
        other = np.apply_along_axis(lambda r: np.convolve(np.pad(r, 12, mode="edge"), k, "valid"), axis, other)
    return histogram(u[skin], v[skin], 1.5), other / other.sum()


def print_table(name, ratio):
    print("const int8_t %s[RUBOR_PRIOR_BINS][RUBOR_PRIOR_BINS] = {" % name)
    for row in np.clip(np.rint(ratio * SCALE), -127, 127).astype(int):
        print("    {" + ", ".join(str(x) for x in row) + "},")
    print("};")


def main():
    root = sys.argv[1]
    skin_uci, other_uci = uci(os.path.join(root, "skin_nonskin/skin_nonskin_bgr.csv"))
    reflectances = skin_reflectances(os.path.join(root, "spectra"))
    calibrated = histogram(*observed(reflectances, os.path.join(root, "spectra"), False), 1.2)
    wild = histogram(*observed(reflectances, os.path.join(root, "spectra"), True), 1.5)
    # Anything may stand behind a person: gray things most, colors less and less.
    grid = FIRST + STEP * (np.arange(BINS) + 0.5)
    gray = np.exp(-0.5 * (grid[None, :] ** 2 + grid[:, None] ** 2) / 0.06 ** 2)
    wide = np.exp(-0.5 * (grid[None, :] ** 2 + grid[:, None] ** 2) / 0.35 ** 2)
    other = 0.3 * other_uci + 0.3 * gray / gray.sum() + 0.4 * wide / wide.sum()
    skin_wild = 0.5 * skin_uci + 0.5 * wild
    print("/* Generated by analyzer/skin_prior.py: log-likelihood ratios of skin over v (rows) and u, natural log times")
    print(" * %g. Sources: UCI Skin Segmentation (Bhatt, Dhall 2012, CC BY 4.0); ISSA (Lu et al. 2025, CC BY 4.0). */" % SCALE)
    print('#include "analyzer/skin_prior.h"\n')
    print("/* clang-format off */")
    print_table("rubor_prior_uncalibrated", np.log((skin_wild + 1e-7) / (other + 1e-7)))
    calibrated = 0.75 * calibrated + 0.25 * skin_wild
    print_table("rubor_prior_calibrated", np.log((calibrated + 1e-7) / (other + 1e-7)))
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
