# labels: real slow
"""Pairs of the second renderer (tests/bench/second_renderer), which shares nothing with samples/: a chart is found, a good photo
is not refused, delta_ei and delta_mi come near their truth, nothing changes where nothing did. Skipped without the reference data
or OpenCV for Python."""
import os
import sys
from pathlib import Path

from helper import check, finish, folder

sys.path.insert(0, str(Path(os.environ["RUBOR_SOURCE"]) / "tests" / "bench" / "second_renderer"))
DATA = Path(os.environ.get("RUBOR_DATA", ""))
if not (DATA / "spectra").is_dir():
    print("skipped: no reference data")
    sys.exit(77)
try:
    from pair import make_pair
    from run import analyze
    from spectra import Data
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

data, build = Data(str(DATA)), os.environ["RUBOR_BUILD"]
with folder() as home:
    for seed, tone, kind in ((1, "light", "redness"), (2, "tan", "both"), (3, "brown", "none"), (4, "dark", "pigment")):
        place = str(Path(home) / str(seed))
        truth = make_pair(data, seed, place, tone=tone, kind=kind, width=960, power_share=0.25, face=False)
        record = analyze(build, place, truth, True)
        said = f"{tone} {kind}"
        check(record["calibration"]["status"] == "chart", f"{said}: chart found", record)
        check(record["quality"]["verdict"] != "retake", f"{said}: a good photo is not refused", record["quality"])
        for part, key in (("redness", "delta_ei"), ("pigmentation", "delta_mi")):
            off = abs(record[part][key] - truth[key])
            check(off < 2 + 0.12 * truth[key], f"{said}: {key} {record[part][key]} where {truth[key]:.2f} is true", record[part])
            check(truth[key] > 0 or kind != "none" or not record[part]["changed"], f"{said}: no change of {key}", record[part])
finish()
