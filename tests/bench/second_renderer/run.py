#!/usr/bin/python3
"""Measures pairs of the second renderer with `rubor analyze` and prints what agrees with their truth.

    run.py BUILD DATA [--pairs N] [--seed S] [--keep DIR] [--other-lamp] [--width PX] [--each]

BUILD holds the rubor executable, DATA the reference spectra (data/spectra). Nothing here is shared with samples/."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np

from pair import make_pair
from spectra import TONES, Data

KINDS = ("redness", "pigment", "both", "none")


def points(polygon):
    return " ".join("%.1f,%.1f" % tuple(p) for p in polygon)


def overlap(folder, mine, true):
    """Dice and intersection over union of a mask against the truth."""
    found = cv2.imread(os.path.join(folder, mine), cv2.IMREAD_GRAYSCALE)
    wanted = cv2.imread(os.path.join(folder, "true_%s.png" % true), cv2.IMREAD_GRAYSCALE)
    if found is None:
        return 0.0, 0.0, 0.0
    found = cv2.resize(found, (wanted.shape[1], wanted.shape[0]), interpolation=cv2.INTER_NEAREST) > 127
    wanted = wanted > 127
    both = (found & wanted).sum()
    return 2 * both / max(found.sum() + wanted.sum(), 1), both / max((found | wanted).sum(), 1), found.mean()


def analyze(build, folder, truth, given, day=14):
    """The record with region and control (where there is one) given, or with neither."""
    where = ["--region", points(truth["region"])] if given else []
    where += ["--control", points(truth["control"])] if given and truth["control"] is not None else []
    maps = os.path.join(folder, "maps_given" if given else "maps")
    os.makedirs(maps, exist_ok=True)
    done = subprocess.run([os.path.join(build, "rubor"), "analyze", "--baseline", os.path.join(folder, "before.jpg"), "--day", str(day),
                           *where, "--maps", maps, "--json", os.path.join(folder, "visit.jpg")], capture_output=True, text=True)
    try:
        record = json.loads(done.stdout)
    except ValueError:
        return {"failed": done.stderr.strip()}
    with open(os.path.join(folder, "given.json" if given else "free.json"), "w") as stream:
        stream.write(done.stdout)
    return record


def measure(build, folder, truth):
    given, free = analyze(build, folder, truth, True), analyze(build, folder, truth, False)
    row = {"truth": truth, "folder": folder, "given": given, "free": free}
    row["skin"] = overlap(folder, "maps/skin_mask.png", "skin")
    row["erythema"] = overlap(folder, "maps/erythema_mask.png", "erythema")
    row["pigment"] = overlap(folder, "maps/pigment_mask.png", "pigment")
    return row


def ratio(rows, part, key, least=4.5):
    values = [r["given"][part][key] / r["truth"][key] for r in rows if r["truth"][key] >= least and r["given"].get(part)
              and r["given"][part][key] is not None]
    return (np.mean(values), np.std(values), len(values)) if values else (np.nan, np.nan, 0)


def share(rows, test):
    got = [bool(test(r)) for r in rows]
    return 100 * np.mean(got) if got else np.nan


def held(row, part, key):
    low, high = row["given"][part][key + "_interval95"]
    return low <= row["truth"][key] <= high


def summary(rows):
    """One row of figures for the rows of one tone (or of all)."""
    good = [r for r in rows if r["given"].get("redness") and r["given"]["redness"]["delta_ei"] is not None]
    of = {k: [r for r in good if r["truth"]["kind"] == k] for k in KINDS}
    leak_ei = [abs(r["given"]["redness"]["delta_ei"]) for r in of["pigment"]]
    leak_mi = [abs(r["given"]["pigmentation"]["delta_mi"]) for r in of["redness"]]
    mean = lambda v: np.mean(v) if len(v) else np.nan
    most = lambda v: np.max(v) if len(v) else np.nan
    dice = lambda name, key, low: mean([r[name][0] for r in rows if r["truth"][key] >= low])
    ei, mi = ratio(good, "redness", "delta_ei"), ratio(good, "pigmentation", "delta_mi")
    return [len(rows), "%.3f (%.3f)" % ei[:2], "%.3f (%.3f)" % mi[:2], "%.0f, %.0f" % (
        share(good, lambda r: held(r, "redness", "delta_ei")), share(good, lambda r: held(r, "pigmentation", "delta_mi"))),
        "%.2f, %.2f" % (mean([r["given"]["redness"]["mdc"] for r in good]), mean([r["given"]["pigmentation"]["mdc"] for r in good])),
        "%.2f, %.2f" % (mean(leak_ei), most(leak_ei)), "%.2f, %.2f" % (mean(leak_mi), most(leak_mi)),
        "%.3f, %.3f" % (dice("erythema", "delta_ei", 10), mean([r["erythema"][0] for r in rows if 4.5 <= r["truth"]["delta_ei"] < 10])),
        "%.3f" % dice("pigment", "delta_mi", 7), "%.3f" % mean([r["skin"][1] for r in rows]),
        "%s, %s" % tuple("%d of %d" % (sum(bool(r["given"][part]["changed"]) for r in some), len(some)) for part, some in
                         (("redness", of["none"] + of["pigment"]), ("pigmentation", of["none"] + of["redness"]))),
        "%.2f, %.2f" % (100 * mean([r["erythema"][2] for r in of["none"]]), 100 * mean([r["pigment"][2] for r in of["none"]])),
        len(rows) - len(good)]


HEAD = ["tone", "pairs", "delta_ei ratio (sd)", "delta_mi ratio (sd)", "interval holds, %", "mdc", "delta_ei of pure pigment: mean, most",
        "delta_mi of pure redness", "erythema Dice 10+, 5 to 10", "pigment Dice 7+", "skin IoU", "falsely changed (red, pigment)",
        "marked without change, %", "no number"]


def corner_error(row):
    chart = row["given"].get("calibration", {}).get("chart")
    return np.abs(np.array(chart["corners_px"]) - row["truth"]["corners"]).max() if chart else np.nan


def report(rows):
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for tone in ("all",) + TONES:
        print("| " + " | ".join(str(x) for x in [tone] + summary([r for r in rows if tone in ("all", r["truth"]["tone"])])) + " |")
    ok = [r for r in rows if "failed" not in r["given"]]
    reasons = {}
    for r in ok:
        for code in [x["code"] for x in r["given"]["quality"]["reasons"]] + ["flag " + f for f in r["given"]["flags"]]:
            reasons[code] = reasons.get(code, 0) + 1
    verdicts = {v: sum(r["given"]["quality"]["verdict"] == v for r in ok) for v in ("ok", "warn", "retake")}
    print("verdicts of good photos:", verdicts, reasons)
    print("charts found %d of %d, corners off by at most (median, most) %.2f, %.2f px" % (
        sum(np.isfinite(corner_error(r)) for r in rows), len(rows), np.nanmedian([corner_error(r) for r in rows]),
        np.nanmax([corner_error(r) for r in rows])))
    red = [r for r in ok if r["truth"]["kind"] == "redness" and r["given"]["redness"]["delta_ei_raw"]]
    if red:
        gain = [r["given"]["redness"]["delta_ei_raw"] / r["truth"]["delta_ei"] / r["given"]["calibration"]["gain"]["hemoglobin"]
                for r in red if r["truth"]["delta_ei"] > 4.5 and r["given"]["calibration"]["gain"]["hemoglobin"]]
        print("apparent / (true x stated gain), pure redness: %.3f (%.3f)" % (np.mean(gain), np.std(gain)))
    for name, low, high in (("measured", -0.1, 0.01), ("mixed", 0.01, 0.99), ("power of oxygenated blood", 0.99, 1.1)):
        part = [r for r in ok if low < r["truth"]["power_share"] < high]
        red = [r for r in part if r["truth"]["delta_ei"] >= 3 and r["given"]["redness"]["delta_ei"] is not None]
        print("blood's shape %s: delta_ei %.3f (%.3f), delta_mi %.3f; with redness (%d pairs) intervals hold in %.0f, %.0f %%" % (
            (name,) + ratio(part, "redness", "delta_ei")[:2] + ratio(part, "pigmentation", "delta_mi")[:1] +
            (len(red), share(red, lambda r: held(r, "redness", "delta_ei")), share(red, lambda r: held(r, "pigmentation", "delta_mi")))))
    for name, low, high in (("under 0.3 %", 0, 0.003), ("0.3 to 0.8 %", 0.003, 1)):
        print("gloss %s: delta_ei %.3f (%.3f)" % ((name,) + ratio([r for r in ok if low <= r["truth"]["gloss"] < high], "redness", "delta_ei")[:2]))
    glare = [r["given"]["calibration"]["glare_percent"] - r["truth"]["glare"][1] for r in ok if r["given"]["calibration"]["glare_percent"]]
    print("glare, estimated - true: %.2f (%.2f)" % (np.mean(glare), np.std(glare)))
    print("alignment, stated residual: median %.2f, most %.2f px" % tuple(f([r["given"]["registration"]["residual_px"] for r in ok if
                                                                          r["given"].get("registration")]) for f in (np.median, np.max)))
    print("milliseconds, median: %.0f" % np.median([r["given"]["timing_ms"]["total"] for r in ok]))


def one_line(row):
    t, g = row["truth"], row["given"]
    if "failed" in g:
        return "%s failed: %s" % (row["folder"], g["failed"])
    f = lambda v: "   -  " if v is None else "%6.2f" % v
    return " ".join([os.path.basename(row["folder"]), "%-12s %-8s" % (t["tone"], t["kind"]), "EI %6.2f" % t["delta_ei"],
                     f(g["redness"]["delta_ei"]), "MI %6.2f" % t["delta_mi"], f(g["pigmentation"]["delta_mi"]),
                     "skin %.2f ery %.2f pig %.2f" % (row["skin"][1], row["erythema"][0], row["pigment"][0]), g["quality"]["verdict"],
                     ",".join(x["code"] for x in g["quality"]["reasons"]), ",".join(g["flags"]), t["camera"], t["lamp"], t["curve"],
                     t["background"], "face" if t["face"] else "arm", "passport" if t["passport"] else "classic",
                     "share %.2f" % t["power_share"]])


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("build")
    ask.add_argument("data")
    ask.add_argument("--pairs", type=int, default=24)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--width", type=int, default=1200)
    ask.add_argument("--keep", help="keep the rendered pairs there and use those already there")
    ask.add_argument("--other-lamp", action="store_true")
    ask.add_argument("--each", action="store_true")
    wish = ask.parse_args()
    cv2.setNumThreads(1)
    data = Data(wish.data)
    passing = tempfile.TemporaryDirectory(prefix="rubor-second-")  # removed with its pictures at the end
    place = wish.keep or passing.name
    rows = []
    for i in range(wish.pairs):
        seed = wish.seed + i
        folder = os.path.join(place, "%06d" % seed)
        started = time.time()
        if os.path.exists(os.path.join(folder, "truth.json")):
            with open(os.path.join(folder, "truth.json")) as stream:
                truth = json.load(stream)
        else:
            truth = make_pair(data, seed, folder, tone=TONES[i % 6], kind=KINDS[i // 6 % 4], width=wish.width,
                              other_lamp=wish.other_lamp)
        rows.append(measure(wish.build, folder, truth))
        if wish.each:
            print(one_line(rows[-1]), "%.1f s" % (time.time() - started), flush=True)
    report(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
