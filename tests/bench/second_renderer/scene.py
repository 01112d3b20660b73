#!/usr/bin/python3
"""Single photos with a chart for the skin mask: subjects and backgrounds beyond those of the pairs.

    scene.py BUILD DATA [--scenes N] [--seed S] [--keep DIR] [--width PX] [--each]

Prints intersection over union of `rubor analyze --maps` with the truth, per subject, background and tone, and what part
of a frame without skin is taken for it."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

from background import LIKE_SKIN, PLAIN
from pair import Session
from person import smooth_noise, soft_step
from spectra import TONES, Data

SUBJECTS = ("face", "red face", "arm", "red arm", "two arms", "hand", "close-up", "marked close-up", "none", "arm", "face", "hand")


def erythema(person, rng, part, amount):
    """Blood over about this part of the person, patchy at its edges (OD of green)."""
    noise = person.noise(rng, 90)
    level = np.quantile(noise[person.skin], 1 - part) if person.skin.any() else 0
    return (amount * soft_step(noise - level, 0.15) * (1 + 0.15 * person.noise(rng, 20))).astype(np.float32)


def make_scene(data, seed, folder, width):
    """Renders photo.jpg and true_skin.png into folder; returns what they show."""
    rng = np.random.default_rng([seed, 2])
    subject, tone = SUBJECTS[seed % len(SUBJECTS)], TONES[seed // len(SUBJECTS) % 6]
    background = rng.choice(LIKE_SKIN if subject == "none" or rng.random() < 0.75 else PLAIN)
    if subject == "none" and background == "painted wall":      # skin's very spectrum, smooth: nothing tells it from skin
        background = "table"
    session = Session(data, seed, {"tone": tone, "subject": subject.split()[-1] if subject.split()[0] in ("red", "marked") else subject,
                                   "background": background, "width": width})
    person = session.person
    m = h = 0 * person.body
    if subject.startswith("red"):
        h = erythema(person, rng, 0.6, rng.uniform(0.12, 0.25))
    elif subject.startswith("marked"):
        h = person.inside(person.region, 8) * rng.uniform(0.1, 0.3)
        m = person.inside(person.region, 8) * rng.uniform(0, 0.25)
    jpeg, shown = session.photo(0, m, h)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "photo.jpg"), "wb") as stream:
        stream.write(jpeg)
    cv2.imwrite(os.path.join(folder, "true_skin.png"), np.uint8(shown["skin"]) * 255)
    truth = {"seed": seed, "subject": subject, "tone": tone, "background": str(background), "lamp": session.lamp_name,
             "camera": session.camera_name}
    with open(os.path.join(folder, "scene.json"), "w") as stream:
        json.dump(truth, stream)
    return truth


def found(build, folder):
    """The skin mask of `rubor analyze` at the size of the photo, and whether it was refused."""
    done = subprocess.run([os.path.join(build, "rubor"), "analyze", "--maps", folder, "--json", os.path.join(folder, "photo.jpg")],
                          capture_output=True, text=True)
    mask = cv2.imread(os.path.join(folder, "skin_mask.png"), cv2.IMREAD_GRAYSCALE)
    wanted = cv2.imread(os.path.join(folder, "true_skin.png"), cv2.IMREAD_GRAYSCALE)
    if not done.stdout or mask is None:
        return wanted * 0, wanted, done.stderr.strip() or "no mask"
    codes = [reason["code"] for reason in json.loads(done.stdout)["quality"]["reasons"]]
    mask = cv2.resize(mask, wanted.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return mask, wanted, "no_skin" if "no_skin" in codes else ""


def measure(build, folder, truth):
    mask, wanted, refused = found(build, folder)
    mask, wanted = mask > 127, wanted > 127
    return {**truth, "refused": refused, "share": mask.mean(), "iou": (mask & wanted).sum() / max((mask | wanted).sum(), 1)}


def report(rows):
    skin = [r for r in rows if r["subject"] != "none"]
    print("| scenes | number | mean IoU | under 0.75 | refused |\n|---|---|---|---|---|")
    for key in ("all", "subject", "background", "tone"):
        for name in ["all"] if key == "all" else list(dict.fromkeys(r[key] for r in skin)):
            part = [r for r in skin if key == "all" or r[key] == name]
            print("| %s | %d | %.3f | %d | %d |" % (name, len(part), np.mean([r["iou"] for r in part]),
                                                    sum(r["iou"] < 0.75 for r in part), sum(bool(r["refused"]) for r in part)))
    empty = [r for r in rows if r["subject"] == "none"]
    if empty:
        print("without skin: %d of %d refused; else taken for skin: %s" % (
            sum(bool(r["refused"]) for r in empty), len(empty),
            ", ".join("%s %.0f %%" % (r["background"], 100 * r["share"]) for r in empty if not r["refused"])))


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("build")
    ask.add_argument("data")
    ask.add_argument("--scenes", type=int, default=24)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--width", type=int, default=800)
    ask.add_argument("--keep", help="keep the rendered scenes there and use those already there")
    ask.add_argument("--each", action="store_true")
    wish = ask.parse_args()
    cv2.setNumThreads(1)
    data = Data(wish.data)
    passing = tempfile.TemporaryDirectory(prefix="rubor-scenes-")  # removed with its pictures at the end
    place = wish.keep or passing.name
    rows = []
    for seed in range(wish.seed, wish.seed + wish.scenes):
        folder = os.path.join(place, "%06d" % seed)
        kept = os.path.join(folder, "scene.json")
        if os.path.exists(kept):
            with open(kept) as stream:
                truth = json.load(stream)
        else:
            truth = make_scene(data, seed, folder, wish.width)
        rows.append(measure(wish.build, folder, truth))
        if wish.each:
            print("%06d %-15s %-12s %-13s IoU %.3f share %.2f %s" % (seed, truth["subject"], truth["tone"], truth["background"],
                                                                     rows[-1]["iou"], rows[-1]["share"], rows[-1]["refused"]), flush=True)
    report(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
