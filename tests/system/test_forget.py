#!/usr/bin/env python3
"""`rubor forget` and the photos that have not arrived yet: nothing of a forgotten patient comes back by itself."""
import hashlib
import os
import time

from helper import Service, check, environment, finish, folder, png, run
from machine import Machine, ask

PHOTO, OTHER = png(64, 48, (1, 2, 3)), png(64, 48, (3, 2, 1))


def analyze(machine, photo, **more):
    head = {"request": 1, "patient": "P1", "session": "S1", "day": 1, "no_wait": True} | more
    return ask(machine.client_port, b"rubor.analyze", head, *([photo] if photo else []))


def forget(machine, patient):
    got = run("forget", "--endpoint", machine.client_port, "--patient", patient, "--yes", env=environment())
    check(got.returncode == 0, "a patient is forgotten", got)


def by_waiting_time(home):
    """What a client says of how long it had the photo decides."""
    machine = Machine(home)
    try:
        check(analyze(machine, PHOTO, waited_ms=5000)["status"] == 0, "a photo that waited is filed")
        forget(machine, "P1")
        late = analyze(machine, OTHER, waited_ms=60000)
        check(late["status"] == 19 and late["error"]["name"] == "FORGOTTEN", "one taken before the forgetting is refused for good", late)
        check(analyze(machine, OTHER, waited_ms=60000, patient="P2")["status"] == 0, "of another patient it is filed")
        time.sleep(0.2)
        check(analyze(machine, OTHER, waited_ms=100)["status"] == 0, "a photo taken after the forgetting is filed")
        check(analyze(machine, PHOTO)["status"] == 0, "and one of which nothing is said")
    finally:
        machine.stop()


def by_station(home):
    """A photo in a station's spool, and one in the camera's folder, of a patient who is forgotten before the station sends them."""
    machine = Machine(home)
    inbox, spool = home / "inbox", home / "spool"
    inbox.mkdir()
    env = environment(RUBOR_TIMEOUT=0.5)
    try:
        check(analyze(machine, OTHER)["status"] == 0, "the patient is known")
        (inbox / "P1_S1_3.png").write_bytes(PHOTO)
        with Service("station", "--endpoint", "tcp://127.0.0.1:1", "--spool", spool, inbox, env=env):
            end = time.monotonic() + 10
            while time.monotonic() < end and not list((spool / "queue").glob("*.json")):
                time.sleep(0.05)
        (inbox / "P1_S1_4.png").write_bytes(OTHER)  # the station is off
        os.utime(inbox / "P1_S1_4.png", (4e9, 4e9))  # the camera's clock is wrong
        time.sleep(0.1)
        forget(machine, "P1")
        time.sleep(0.1)
        (inbox / "P1_S2_0.png").write_bytes(png(64, 48, (9, 9, 9)))
        with Service("station", "--endpoint", machine.client_port, "--spool", spool, inbox, env=env, log=home / "station.log") as station:
            check(station.wait_for("P1_S2_0.png: (measured|retake)"), "a photo taken after the forgetting is filed", station.text)
            end, log = time.monotonic() + 10, ""
            while time.monotonic() < end and log.count("was forgotten") < 2:
                time.sleep(0.05)
                log = (home / "station.log").read_text()
            for day in (3, 4):
                check(f"P1_S1_{day}.png: not taken: patient P1 was forgotten" in log, "those from before are told", log)
        left = [f.name for place in ("queue", "refused") for f in (spool / place).iterdir()]
        check(not left, "and deleted from the spool", left)
        listed = ask(machine.client_port, b"rubor.list", {"request": 1, "patient": "P1"})
        check([j["session"] for j in listed["jobs"]] == ["S2"], "nothing of before is at the broker", listed)
    finally:
        machine.stop()


def in_the_refused_folder(home):
    """Photos that the broker would not take stay at the station to be looked at, until their patient is forgotten."""
    machine = Machine(home)
    inbox, spool = home / "inbox", home / "spool"
    inbox.mkdir()
    env = environment(RUBOR_TIMEOUT=0.5)
    refused = lambda: sorted(f.suffix for f in (spool / "refused").iterdir())

    def station(until):
        with Service("station", "--endpoint", machine.client_port, "--spool", spool, inbox, env=env, log=home / "station.log"):
            end = time.monotonic() + 10
            while time.monotonic() < end and not until():
                time.sleep(0.05)

    try:
        for patient in ("P1", "P2"):
            photo = inbox / f"{patient}_S1_3.png"
            photo.with_suffix(".png.json").write_text('{"profile": "nobody-made-it"}')
            photo.write_bytes(PHOTO)
            check(analyze(machine, OTHER, patient=patient)["status"] == 0, "the patient is known")
        station(lambda: len(refused()) == 4)
        check(refused() == [".json", ".json", ".photo", ".photo"], "two photos are refused and kept", refused())
        time.sleep(0.1)
        forget(machine, "P1")
        time.sleep(0.1)
        station(lambda: len(refused()) == 2)
        check(refused() == [".json", ".photo"], "the forgotten patient's is deleted", refused())
        left = [f.read_text() for f in (spool / "refused").glob("*.json")]
        check(len(left) == 1 and '"P2"' in left[0], "and the other's stays", left)
        listed = ask(machine.client_port, b"rubor.list", {"request": 1})
        check([j["patient"] for j in listed["jobs"]] == ["P2"], "nothing was filed by asking", listed)
    finally:
        machine.stop()


def in_a_spool_only(home):
    """Nothing of the patient has reached the broker: only a station that could not send has photos."""
    machine = Machine(home)
    inbox, spool = home / "inbox", home / "spool"
    inbox.mkdir()
    env = environment(RUBOR_TIMEOUT=0.5)
    try:
        (inbox / "P7_S1_3.png").write_bytes(PHOTO)
        with Service("station", "--endpoint", "tcp://127.0.0.1:1", "--spool", spool, inbox, env=env):
            end = time.monotonic() + 10
            while time.monotonic() < end and not list((spool / "queue").glob("*.json")):
                time.sleep(0.05)
        got = run("forget", "--endpoint", machine.client_port, "--patient", "P7", "--yes", env=environment())
        check(got.returncode == 1 and "--unsent" in got.stderr and len(got.stderr.splitlines()) == 1, "a patient nobody knows is refused, with what to do", got)
        got = run("forget", "--endpoint", machine.client_port, "--patient", "P7", "--yes", "--unsent", env=environment())
        check(got.returncode == 0 and "0 photos are gone, and photos taken until now" in got.stdout, "and forgotten with --unsent", got)
        audit = ask(machine.client_port, b"rubor.audit", {"request": 1})
        check([line["action"] for line in audit["audit"]] == ["forget"] and "P7" not in str(audit), "the audit line is there, without the id", audit)
        time.sleep(0.1)
        with Service("station", "--endpoint", machine.client_port, "--spool", spool, inbox, env=env, log=home / "station.log"):
            end, log = time.monotonic() + 10, ""
            while time.monotonic() < end and "was forgotten" not in log:
                time.sleep(0.05)
                log = (home / "station.log").read_text()
        check("P7_S1_3.png: not taken: patient P7 was forgotten" in log, "the station tells it", log)
        check(not [f.name for place in ("queue", "refused") for f in (spool / place).iterdir()], "and deletes what it had")
        check(ask(machine.client_port, b"rubor.list", {"request": 1})["jobs"] == [], "nothing came to the broker")
    finally:
        machine.stop()


def by_digest(home):
    """A photo that is stored can be filed without being sent again."""
    machine = Machine(home)
    digest = hashlib.sha256(PHOTO).hexdigest()
    try:
        first = analyze(machine, None, digest=digest)
        check(first["status"] == 2, "a photo that is not stored is asked for", first)
        job = analyze(machine, PHOTO)
        again = analyze(machine, None, digest=digest)
        check(again["status"] == 0 and again["job"] == job["job"] and again["duplicate"], "the same filing is the same job", again)
        other = analyze(machine, None, digest=digest, day=2)
        check(other["status"] == 0 and other["job"] != job["job"], "another filing is another job", other)
        forget(machine, "P1")
        check(analyze(machine, None, digest=digest)["status"] == 2, "a forgotten photo is not stored any more")
    finally:
        machine.stop()


for situation in (by_waiting_time, by_station, in_the_refused_folder, in_a_spool_only, by_digest):
    with folder() as home:
        situation(home)
finish()
