#!/usr/bin/python3
"""Paints a known change of blood or melanin into real photographs and measures it with `rubor analyze`.

    retouched.py BUILD DATA PHOTOS [--count N] [--seed S] [--keep DIR] [--each]

BUILD holds the rubor executable, DATA the reference spectra. PHOTOS holds NAME.png (or .jpg) with NAME_t.png, white where skin
is. Skin, hair, cloth, light and compression are those of the photograph; what is painted is what the change does to a measured
skin of its color, read by the observer. Both shots are turned, shifted, zoomed and tilted, and the visit is exposed and balanced
a little differently; there is no chart. So alignment, separation, masks and false alarms are tried on real texture, not the
calibration. Each pair is measured with the circle given and without."""
import argparse
import glob
import os
import sys
import tempfile
import zlib
from multiprocessing import Pool

import cv2
import numpy as np

from run import analyze, overlap
from spectra import TONES, Data, SkinModel, tone_of

SIDE = 1300                  # px of the long side of a shot
KINDS = {"none": (0, 0), "redness": (12, 0), "faint redness": (6, 0), "pigment": (0, 10)}  # EI and MI in the middle


def linear(encoded):
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encode(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def find(photos, seed):
    """[(tone, name, path, middle and radius of the largest circle of skin)] in an order that the seed draws. Photos too small to
    measure or with little skin in one piece are left out."""
    found = []
    for path in sorted(glob.glob(os.path.join(photos, "*"))):
        name, ending = os.path.splitext(path)
        if ending not in (".png", ".jpg") or not os.path.exists(name + "_t.png"):
            continue
        mask = cv2.imread(name + "_t.png", cv2.IMREAD_GRAYSCALE)
        photo = cv2.imread(path)[..., ::-1]
        height, width = photo.shape[:2]
        skin = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 127
        inner = np.pad(skin[1:-1, 1:-1], 1).astype(np.uint8)
        depth = cv2.distanceTransform(cv2.morphologyEx(inner, cv2.MORPH_CLOSE, np.ones((5, 5))), cv2.DIST_L2, 5)
        if height * width < 150000 or depth.max() < 0.09 * max(height, width):
            continue
        lab = cv2.cvtColor((photo[skin] / np.float32(255))[None], cv2.COLOR_RGB2LAB)[0]
        lightness, _, yellow = np.median(lab, axis=0)
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        order = zlib.crc32(("%d %s" % (seed, os.path.basename(name))).encode())
        found.append((order, tone_of(np.degrees(np.arctan2(lightness - 50, yellow))), path, (float(x), float(y), float(depth.max()))))
    return [entry[1:] for entry in sorted(found)]


def even_over_tones(found, count):
    chosen = []
    for tone in TONES:
        chosen += [entry for entry in found if entry[0] == tone][:-(-count // len(TONES))]
    return chosen


def movement(rng, width, height, part):
    turn, zoom = np.radians(part * rng.uniform(-4, 4)), 1 + part * rng.uniform(-0.04, 0.04)
    rotation = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([width / 2, height / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = rotation
    matrix[:2, 2] = middle - rotation @ middle + part * rng.uniform(-0.03, 0.03, 2) * (width, height)
    matrix[2, :2] = part * rng.uniform(-0.03, 0.03, 2) / width
    return matrix


def shoot(path, light, matrix, gain, rng):
    height, width = light.shape[:2]
    moved = cv2.warpPerspective(light, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    pixels = 255 * (encode(moved * gain) + rng.normal(0, 0.005, moved.shape))
    cv2.imwrite(path, np.clip(pixels + 0.5, 0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def nearest_skin(data, color):
    """The measured skin of the nearest color: changes of it are painted."""
    def od(rgb):
        return -np.log10(np.maximum(rgb, 0.004))
    return min((reflectance for _, reflectance in data.skins), key=lambda r: np.abs(od(data.observer @ r) - od(color)).sum())


def make(data, entry, kind, folder, seed):
    """Writes before.jpg, visit.jpg and the truth's masks; returns the truth."""
    tone, path, (x, y, radius) = entry
    rng = np.random.default_rng(zlib.crc32(("%d %s %s" % (seed, os.path.basename(path), kind)).encode()))
    photo = cv2.imread(path)[..., ::-1]
    scale = SIDE / max(photo.shape[:2])
    width, height = int(photo.shape[1] * scale), int(photo.shape[0] * scale)
    light = linear(np.clip(cv2.resize(photo / np.float32(255), (width, height), interpolation=cv2.INTER_CUBIC), 0, 1))
    x, y, radius = x * scale, y * scale, 0.75 * radius * scale
    column, line = np.meshgrid(np.arange(width), np.arange(height))
    distance = np.hypot(column - x, line - y) / radius
    amount = np.where(distance < 1.3, 1 / (1 + np.exp((distance - 0.85) / 0.06)), 0)
    inside = distance < 1
    model = SkinModel(data, nearest_skin(data, np.median(light[inside], axis=0)), data.blood(rng, wanted=0)[0])
    ei, mi = KINDS[kind]
    steps = np.linspace(0, 1, 33)
    colors = 10 ** -(-np.log10(model.base) + np.outer(steps, mi * model.m + ei * model.h) / 100) @ data.observer.T
    after = light * np.stack([np.interp(amount, steps, c / c[0]) for c in colors.T], axis=2).astype(np.float32)
    os.makedirs(folder, exist_ok=True)
    shoot(os.path.join(folder, "before.jpg"), light, movement(rng, width, height, 0.3), np.ones(3), rng)
    matrix = movement(rng, width, height, 1)
    gain = 1 + rng.uniform(-0.06, 0.06) + rng.uniform(-0.015, 0.015, 3)
    shoot(os.path.join(folder, "visit.jpg"), after, matrix, gain, rng)
    for name, most in (("erythema", ei), ("pigment", mi)):
        mask = cv2.warpPerspective(np.where(amount * most >= 3, 255, 0).astype(np.uint8), matrix, (width, height))
        cv2.imwrite(os.path.join(folder, "true_%s.png" % name), mask)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rim = matrix @ np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle), np.ones(24)])
    mean = amount[inside].mean()
    return {"tone": tone, "name": os.path.basename(path), "kind": kind, "delta_ei": mean * ei, "delta_mi": mean * mi,
            "region": (rim[:2] / rim[2]).T}


def measure(task):
    build, data, entry, kind, folder, seed = task
    cv2.setNumThreads(1)
    truth = make(data, entry, kind, folder, seed)
    truth["control"] = None
    return {"truth": truth, "given": analyze(build, folder, truth, True, day=5), "free": analyze(build, folder, truth, False, day=5),
            "erythema": overlap(folder, "maps/erythema_mask.png", "erythema"),
            "pigment": overlap(folder, "maps/pigment_mask.png", "pigment"),
            "skin": overlap(folder, "maps/skin_mask.png", "erythema")[2]}


def numbers(rows, part, key):
    return [(r["given"][part][key], r["truth"][key], r["given"][part][key + "_interval95"]) for r in rows
            if r["given"].get(part) and r["given"][part][key] is not None]


def cell(values, form="%.3f (%.3f)"):
    return form % (np.mean(values), np.std(values)) if len(values) else "-"


def summary(rows):
    of = lambda *kinds: [r for r in rows if r["truth"]["kind"] in kinds]
    red, faint, pigment, none = of("redness"), of("faint redness"), of("pigment"), of("none")
    ei, mi = numbers(red, "redness", "delta_ei"), numbers(pigment, "pigmentation", "delta_mi")
    every = numbers(rows, "redness", "delta_ei"), numbers(rows, "pigmentation", "delta_mi")
    held = ["%.0f" % (100 * np.mean([low <= true <= high for _, true, (low, high) in values])) if values else "-" for values in every]
    masked = lambda some: [r for r in some if "failed" not in r["free"]]
    dice = lambda some, which: "%.2f" % np.mean([r[which][0] for r in masked(some)]) if masked(some) else "-"
    marked = [100 * (r["erythema"][2] + r["pigment"][2]) / max(r["skin"], 1e-6) for r in masked(none)]
    changed = sum(bool(r["given"].get(p, {}).get("changed")) for r in none for p in ("redness", "pigmentation"))
    false = {}
    for row in rows:
        for side in ("given", "free"):
            for flag in set(row[side].get("flags", [])) & {"bruise", "crusting", "sunburn", "covered"}:
                false["%s %s" % (flag, side)] = false.get("%s %s" % (flag, side), 0) + 1
    return [len(rows), len(rows) - len(every[0]), cell([got / true for got, true, _ in ei]), cell([got / true for got, true, _ in mi]),
            ", ".join(held), cell([abs(v[0]) for v in numbers(pigment, "redness", "delta_ei")], "%.2f (%.2f)"),
            cell([abs(v[0]) for v in numbers(red, "pigmentation", "delta_mi")], "%.2f (%.2f)"),
            ", ".join([dice(red, "erythema"), dice(faint, "erythema"), dice(pigment, "pigment")]),
            "%.2f" % np.mean(marked) if marked else "-", "%d of %d" % (changed, len(none)),
            ", ".join("%s %d" % item for item in sorted(false.items())) or "-"]


HEAD = ["tone", "pairs", "no number", "delta_ei ratio (sd)", "delta_mi ratio (sd)", "interval holds: delta_ei, delta_mi, %",
        "delta_ei of pure pigment: mean (sd)", "delta_mi of pure redness", "Dice without region: redness, faint, pigment", "marked without change, %",
        "changed without change", "false flags, region given or free"]


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("build")
    ask.add_argument("data")
    ask.add_argument("photos")
    ask.add_argument("--count", type=int, default=24, help="photographs, as even over the tones as they allow")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--jobs", type=int, default=2)
    ask.add_argument("--keep", help="write the pairs there")
    ask.add_argument("--each", action="store_true")
    wish = ask.parse_args()
    data = Data(wish.data)
    chosen = even_over_tones(find(wish.photos, wish.seed), wish.count)
    passing = tempfile.TemporaryDirectory(prefix="rubor-retouched-")  # removed with its pictures at the end
    place = wish.keep or passing.name
    tasks = [(wish.build, data, entry, kind, os.path.join(place, "%s_%s" % (os.path.basename(entry[1]), kind.replace(" ", "_"))), wish.seed)
             for entry in chosen for kind in KINDS]
    rows = []
    with Pool(wish.jobs) as pool:
        for row in pool.imap(measure, tasks):
            rows.append(row)
            if wish.each:
                given = row["given"]
                print(row["truth"]["name"], row["truth"]["tone"], row["truth"]["kind"],
                      *("%s %s (%.2f)" % (key, given.get(part, {}).get(key), row["truth"][key]) for part, key in
                        (("redness", "delta_ei"), ("pigmentation", "delta_mi"))), "Dice %.2f %.2f" % (row["erythema"][0], row["pigment"][0]),
                      given.get("quality", {}).get("verdict"), [x["code"] for x in given.get("quality", {}).get("reasons", [])],
                      given.get("flags"), row["free"].get("flags"), flush=True)
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for tone in ("all",) + TONES:
        some = [r for r in rows if tone in ("all", r["truth"]["tone"])]
        print("| " + " | ".join(str(x) for x in [tone.replace("_", " ")] + summary(some)) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
