#!/usr/bin/env python3
"""A camera station with keys and the real service, which is killed and comes back: every photo is measured once, and each key
may do what its role allows."""
import json
import signal
import time

from helper import Service, check, environment, expect, finish, folder, run


def service(home, endpoint="tcp://127.0.0.1:*"):
    return Service("up", "--data", home / "data", "--keys", home / "keys", "--endpoint", endpoint,
                   "--http", "127.0.0.1:0", "--workers", "2", log=home / "up.log")


def listed(home, env):
    got = run("review", "--json", "--keys", home / "keys" / "boss", "--patient", "P1", "--session", "S1", env=env)
    return json.loads(got.stdout)["days"] if got.returncode == 0 else []


def roles(home, env):
    keys = home / "keys"
    got = run("status", "--keys", keys / "boss", env=env)
    check(got.returncode == 0, "an administrator sees the status", got)
    expect("a station may not forget a patient", 1, "allowed|role|station", "forget", "--keys", keys / "cam", "--patient", "P1", "--yes",
           env=env)
    expect("without a key nobody answers", 3, "no broker", "status", env=env)
    expect("a stranger's key is not let in", 3, "no broker", "status", "--keys", home / "strange" / "boss", env=env)
    expect("a folder without keys", 1, "keygen", "status", "--keys", home / "photos", env=env)


with folder() as home:
    got = run("sample", "--out", home / "photos", "--seed", "31", "--days", "0-3", "--size", "1000x750", timeout=120)
    check(got.returncode == 0, "photos are rendered", got.stderr)
    for keys, role, name in (("keys", "admin", "boss"), ("keys", "station", "cam"), ("strange", "admin", "boss")):
        got = run("keygen", "--role", role, home / keys, name)
        check(got.returncode == 0, f"a key for {name} is made", got)
    (home / "strange" / "boss" / "broker.public").unlink()
    (home / "strange" / "boss" / "broker.public").write_text((home / "keys" / "broker.public").read_text())
    inbox = home / "inbox"
    inbox.mkdir()
    first = service(home)
    endpoint = first.ready["endpoint"]
    env = environment(RUBOR_ENDPOINT=endpoint, RUBOR_SPOOL=home / "spool", RUBOR_TIMEOUT=2)
    try:
        roles(home, env)
        with Service("station", "--keys", home / "keys" / "cam", inbox, env=env, log=home / "station.log") as station:
            for source, name in (("before.jpg", "P1_S1_before.jpg"), ("day00.jpg", "P1_S1_0.jpg")):
                (inbox / name).write_bytes((home / "photos" / source).read_bytes())
            check(station.wait_for("^P1_S1_0.jpg: (measured|retake)", 30), "two photos are measured", station.text)
            first.stop(signal.SIGKILL)
            for day in (1, 2, 3):
                (inbox / f"P1_S1_{day}.jpg").write_bytes((home / "photos" / f"day0{day}.jpg").read_bytes())
            time.sleep(1)
            first = service(home, endpoint)
            for day in (1, 2, 3):
                check(station.wait_for(f"^P1_S1_{day}.jpg: (measured|retake)", 40), f"day {day} is measured when the service is back",
                      station.text + (home / "station.log").read_text())
            days = listed(home, env)
            check([d["day"] for d in days] == [None, 0, 1, 2, 3], "each day is there once, in order", [(d["day"], d["phase"], d["state"], d["job"]) for d in days])
            check(station.stop() == 0, "the station ends with exit code 0")
    finally:
        first.stop()
finish()
