# labels: real
"""`rubor calibrate` and `rubor analyze` on real photographs: a sensible record or a clear refusal with its reason, and a table of
what came out. Skipped without the reference data."""
import csv
import json
import os
import sys
from pathlib import Path

from helper import check, finish, folder, run

DATA = Path(os.environ.get("RUBOR_DATA", ""))
CHARTS = DATA / "charts" / "charts.csv"


def number(value, decimals=1):
    return "-" if value is None else f"{value:.{decimals}f}"


def calibrate(photo, has_chart, home):
    got = run("calibrate", "--json", "--overlay", home / "overlay.png", photo)
    check(got.returncode in (0, 1) and len(got.stderr.splitlines()) == got.returncode, f"{photo.name}: calibrate answers", got)
    calibration = json.loads(got.stdout)["calibration"]
    check((calibration["status"] == "chart") == (got.returncode == 0), f"{photo.name}: status and exit code agree", got.stderr)
    if not has_chart:
        check(got.returncode == 1, f"{photo.name}: no chart is found where there is none", calibration)
    return calibration, got.stderr.strip().split(f"{photo}: ")[-1]


def analyze(photo):
    got = run("analyze", "--json", photo)
    check(got.returncode in (0, 1) and not got.stderr, f"{photo.name}: analyze gives a record", got)
    record = json.loads(got.stdout)
    check((record["quality"]["verdict"] == "retake") == (got.returncode == 1), f"{photo.name}: verdict and exit code agree", record["quality"])
    check(record["redness"]["delta_ei"] is None or record["reference"] == "within_frame", f"{photo.name}: no baseline, no change against one")
    check(all(reason["message"] for reason in record["quality"]["reasons"]), f"{photo.name}: every reason says what to do", record["quality"])
    return record


if not CHARTS.exists():
    print("skipped: no reference data")
    sys.exit(77)
print(f"{'photo':52} {'chart':8} {'DE before':>9} {'fit':>5} {'loo':>5}  {'skin %':>6} {'ITA':>5} {'verdict':7} reasons or refusal")
with folder() as home, open(CHARTS, newline="") as file:
    for row in csv.reader(file):
        photo = CHARTS.parent / row[0]
        if not photo.is_file():
            photo = CHARTS.parent / "photos" / row[0]
        if not photo.is_file():
            continue
        calibration, refusal = calibrate(photo, row[3] != "none", home)
        record = analyze(photo)
        de = (calibration["chart"] or {}).get("delta_e2000", {})
        why = ",".join(r["code"] for r in record["quality"]["reasons"])
        print(f"{'/'.join(photo.parts[-2:])[:52]:52} {calibration['status']:8} {number(de.get('uncorrected')):>9} {number(de.get('fit_mean')):>5} "
              f"{number(de.get('loo_mean')):>5}  {number(record['skin']['area_percent']):>6} {number(record['skin']['ita'], 0):>5} "
              f"{record['quality']['verdict']:7} {why} {'' if calibration['chart'] else refusal[:90]}")
finish()
