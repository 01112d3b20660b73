#!/usr/bin/python3
"""Measures the chart search on the reference photographs, changed in many ways, and on drawn charts.

    cmake --build build --target bench_chart_find
    tests/bench/chart_find.py build ../shared/data [--seed N] [--only GROUP] [--verbose]

A chart is usable when all 24 centers lie within 0.25 of a patch of the truth (so the orientation is right, too).
Times are processor time of the search alone, on the working image (2 megapixels at most).
"""
import argparse
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

import chart_find_cases as cases

USABLE = 0.25


def search(process, path):
    process.stdin.write(path + "\n")
    process.stdin.flush()
    f = process.stdout.readline().rstrip("\n").split("\t")
    numbers = np.array([float(v) for v in f[6:62]])
    return {"status": f[0], "ms": float(f[1]), "confidence": float(f[2]), "corners": numbers[:8].reshape(4, 2),
            "centers": numbers[8:].reshape(24, 2), "message": f[63]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("data")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    runner = os.path.join(args.build, "bench_chart_find")
    if not os.path.exists(runner):
        sys.exit("%s is missing: cmake --build %s --target bench_chart_find" % (runner, args.build))
    process = subprocess.Popen([runner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "picture.png")
        for group, name, picture, corners, fill in cases.all_cases(args.data, args.seed):
            if args.only not in group:
                continue
            cv2.imwrite(path, picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            found = search(process, path)
            row = table.setdefault(group, {"n": 0, "right": 0, "wrong": 0, "errors": [], "ms": []})
            row["n"] += 1
            row["ms"].append(found["ms"])
            if corners is None:
                right = found["status"] in ("NOT_FOUND", "REFUSED")
            else:
                centers, sizes = cases.centers_and_sizes(corners, fill)
                error = np.max(np.linalg.norm(found["centers"] - centers, axis=1) / sizes)
                right = found["status"] == "OK" and error < USABLE
                if right:
                    row["errors"].append(error)
            row["right"] += right
            row["wrong"] += found["status"] == "OK" and not right
            if args.verbose and not right:
                print("# %s: %s: %s %s" % (group, name, found["status"], found["message"]))
    process.stdin.close()
    print("%-46s %4s %7s %6s %9s %8s %8s" % ("", "n", "right", "wrong", "off, med", "ms, med", "ms, max"))
    for group, row in table.items():
        off = "%9.3f" % np.median(row["errors"]) if row["errors"] else "%9s" % "-"
        print("%-46s %4d %6.1f%% %6d %s %8.1f %8.1f" % (group, row["n"], 100 * row["right"] / row["n"], row["wrong"], off,
                                                        np.median(row["ms"]), np.max(row["ms"])))
    times = [t for group, row in table.items() if not group.startswith(("other", "no chart", "chart painted")) for t in row["ms"]]
    if times:
        quick = np.mean(np.array(times) < 30)
        print("with a chart: %.1f %% of %d under 30 ms, 95 %% under %.1f ms" % (100 * quick, len(times), np.percentile(times, 95)))


if __name__ == "__main__":
    main()
