#!/usr/bin/env python3
"""`rubor forget` and the photos that have not arrived yet: nothing of a forgotten patient comes back by itself."""
import hashlib
import time

from helper import check, environment, finish, folder, png, run
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


for situation in (by_waiting_time, by_digest):
    with folder() as home:
        situation(home)
finish()
