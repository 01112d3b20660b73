#!/usr/bin/env python3
"""How long an operator waits: from closing a photo's file in the watched folder to the verdict printed by `rubor station`, with a
baseline present. Usage: RUBOR=build/rubor tests/bench/station_latency.py [FOLDER made by rubor sample] (else ten rendered photos of
4000 x 3000, which takes a minute). Run it on an idle machine."""
import os
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from helper import Service, environment, folder, run, up  # noqa: E402


def photos_in(home):
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    run("sample", "--out", home / "photos", "--seed", "7", "--size", "4000x3000", "--days", "0-9", timeout=900)
    return home / "photos"


def wait_for(station, name):
    began = time.monotonic()
    while not re.search(rf"^{name}: (measured|retake|failed)", station.read(), re.M):
        if time.monotonic() - began > 60:
            raise RuntimeError(station.text)
        time.sleep(0.002)
    return time.monotonic() - began


def put(inbox, name, data):
    with open(inbox / name, "wb") as file:
        file.write(data)


with folder() as home:
    source, inbox = photos_in(home), home / "inbox"
    inbox.mkdir()
    with up(home / "data") as service, Service("station", "--endpoint", service.ready["endpoint"], "--spool", home / "spool", inbox,
                                               env=environment(), log=home / "station.log") as station:
        put(inbox, "P_S_before.jpg", (source / "before.jpg").read_bytes())
        wait_for(station, "P_S_before.jpg")
        time.sleep(1)
        waited = []
        for visit in sorted(source.glob("day??.jpg")):
            name = f"P_S_{int(visit.stem[3:])}.jpg"
            put(inbox, name, visit.read_bytes())
            waited.append(wait_for(station, name))
            time.sleep(0.3)
        told = [line for line in station.text.splitlines() if ": measured" in line or ": retake" in line]
        print("\n".join(told))
        print(f"{len(waited)} photos of {visit.stat().st_size / 1e6:.1f} MB, load {os.getloadavg()[0]:.1f}: median {statistics.median(waited):.2f} s, "
              f"worst {max(waited):.2f} s, all {' '.join(f'{w:.2f}' for w in waited)}")
