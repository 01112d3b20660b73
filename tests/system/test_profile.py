#!/usr/bin/env python3
"""A station without a chart in the frame: a profile is made once, kept at the broker by name, and used by later photos."""
import json

from helper import check, environment, expect, finish, folder, run, up

VISIT = ("--patient", "P1", "--session", "S1")


def calibration(got):
    return json.loads(got.stdout)["calibration"]


with folder() as home:
    same = ("--seed", "21", "--size", "1200x900", "--days", "0", "--camera", "ampas_nikon_d200", "--lamp", "D55")
    for name, more in (("charted", ()), ("plain", ("--no-chart",))):
        got = run("sample", "--out", home / name, *same, *more, timeout=120)
        check(got.returncode == 0, f"{name} photos are rendered", got.stderr)
    charted, plain = home / "charted" / "before.jpg", home / "plain"
    got = run("calibrate", "--json", "--profile", home / "room1.json", charted)
    check(got.returncode == 0 and json.loads((home / "room1.json").read_text())["name"] == "room1", "a profile is named after its file", got)
    without = run("analyze", "--json", plain / "before.jpg")
    check(calibration(without)["status"] == "none", "without chart and profile nothing is pretended", without.stdout[:200])
    using = run("analyze", "--json", "--profile", home / "room1.json", plain / "before.jpg")
    check(calibration(using)["status"] == "profile" and calibration(using)["chart"] is None, "with it the record says profile", using.stdout[:200])
    with up(home / "data") as service:
        env = environment(RUBOR_ENDPOINT=service.ready["endpoint"], RUBOR_SPOOL=home / "spool")
        expect("--put without a profile", 2, "--profile", "calibrate", "--put", charted, env=env)
        got = run("calibrate", "--profile", home / "room1.json", "--put", charted, env=env)
        check(got.returncode == 0, "it is kept at the broker", got)
        got = run("submit", *VISIT, "--before", "--profile", "room1", "--json", plain / "before.jpg", env=env)
        check(json.loads(got.stdout)["result"]["calibration"]["status"] == "profile",
              "a submitted photo uses it by name", got)
        got = run("submit", *VISIT, "--day", "0", "--profile", "room1", "--json", plain / "day00.jpg", env=env)
        result = json.loads(got.stdout)["result"]
        check(result["calibration"]["status"] == "profile" and result["reference"] == "baseline" and result["redness"]["delta_ei"] > 2,
              "and a visit is measured against its baseline", (result["calibration"]["status"], result["quality"], result["redness"]))
    expect("--put without a broker", 3, "no broker", "calibrate", "--profile", home / "r.json", "--put", "--endpoint", "tcp://127.0.0.1:1", charted,
           env=environment(RUBOR_TIMEOUT=0.3))
finish()
