#!/usr/bin/env python3
"""kill -9 at random moments over camera station, broker and workers together, while photos appear in the watched folder. In the end:
every photo arrived once, acknowledged is stored, one result per key, no file left over, the spool is empty, each photo had its word.
RUBOR_ROUNDS (default 40) for longer runs, RUBOR_SEED (default 1) to replay one."""
import contextlib
import hashlib
import json
import os
import random
import re
import sqlite3
import subprocess
import time

from helper import RUBOR, check, environment, finish, folder, png, run
from machine import Machine, inspect, settle

ROUNDS, SEED = int(os.environ.get("RUBOR_ROUNDS", "40")), int(os.environ.get("RUBOR_SEED", "1"))


class Camera:
    """Puts photos into the folder in the ways cameras and people do, and knows what must arrive."""

    def __init__(self, inbox, chance):
        self.inbox, self.chance, self.photos, self.copies, self.bytes = inbox, chance, {}, {}, {}

    def filing(self, number):
        return f"P{number % 5}", "before" if number % 6 == 0 else str(number % 11)

    def shoot(self):
        number = len(self.photos)
        patient, day = self.filing(number)
        data = png(8, 6, (number % 256, number // 256 % 256, 7))
        name = f"{patient}_S_{day}_v{number}.png"
        kind = self.chance.randrange(4)
        if kind == 0:  # as copy programs do
            (self.inbox / f"{name}.part").write_bytes(data)
            os.rename(self.inbox / f"{name}.part", self.inbox / name)
        elif kind == 1:  # as cameras do, slowly
            with open(self.inbox / name, "wb") as file:
                file.write(data[:30])
                file.flush()
                time.sleep(self.chance.random() * 0.6)
                file.write(data[30:])
        else:
            (self.inbox / name).write_bytes(data)
        self.bytes[name] = data
        self.photos[name] = (patient, -1 if day == "before" else int(day), f"v{number}", hashlib.sha256(data).hexdigest())

    def copy(self):
        """A photo that was there before once more, under a name that only a sidecar explains."""
        name = self.chance.choice(sorted(self.photos))
        patient, day, view, _ = self.photos[name]
        copy = f"copy {len(self.copies)}.png"
        (self.inbox / f"{copy}.json").write_text(json.dumps({"patient": patient, "session": "S", "view": view,
                                                             "day": "before" if day < 0 else day}))
        (self.inbox / copy).write_bytes(self.bytes[name])
        self.copies[copy] = name

    def tidy(self, names):
        """Photos that the station has taken up are cleared away, so that nothing can come from the folder once more."""
        for name in names:
            (self.inbox / name).unlink(missing_ok=True)


class Station:
    def __init__(self, home, endpoint):
        self.home, self.endpoint, self.spool = home, endpoint, home / "spool"
        self.out = open(home / "station.out", "a")
        self.start()

    def start(self):
        self.process = subprocess.Popen([RUBOR, "station", "--endpoint", self.endpoint, "--spool", str(self.spool), str(self.home / "inbox")],
                                        stdout=self.out, stderr=self.out, env=environment(RUBOR_TIMEOUT=0.5), stdin=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.start()

    def text(self):
        return (self.home / "station.out").read_text()

    def left(self):
        return [f"{place}/{f.name}" for place in ("queue", "waiting", "refused") for f in (self.spool / place).iterdir()]

    def taken(self):
        """Photos that are in the queue on disk, or said to be sent."""
        names = set(re.findall(r"^(.+?): sent, job", self.text(), re.M))
        for file in (self.spool / "queue").glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                names.add(json.loads(file.read_text())["name"])
        return names

    def acknowledged(self):
        items = [json.loads(f.read_text()) for f in (self.spool / "sent").iterdir()]
        return {item["job"]: item["digest"] for item in items}


def rounds(machine, station, camera, chance):
    for _ in range(ROUNDS):
        for _ in range(chance.randrange(1, 4)):
            camera.shoot()
        if chance.randrange(4) == 0:
            camera.copy()
        time.sleep(chance.random() * 0.5)
        camera.tidy(sorted(n for n in station.taken() if chance.randrange(2)))
        victims = chance.sample(["station", "broker", "worker"], chance.randrange(1, 4))
        for victim in victims:
            if victim == "station":
                station.kill()
            elif victim == "broker":
                machine.kill_broker()
            else:
                machine.kill_worker(chance.randrange(2))
            time.sleep(chance.random() * 0.1)


def arrived(station, camera):
    told = station.text()
    return not station.left() and all(f"\n{name}: " in told for name in [*camera.photos, *camera.copies])


def compare(machine, station, camera):
    with sqlite3.connect(machine.data / "rubor.db") as db:
        filed = sorted(db.execute("SELECT patient, day, view, photo FROM filings WHERE withdrawn = 0"))
    check(filed == sorted(camera.photos.values()), "every photo put into the folder is filed once, and nothing else",
          set(filed) ^ set(camera.photos.values()))
    acknowledged = station.acknowledged()
    check(sorted(acknowledged.values()) == sorted(p[3] for p in camera.photos.values()), "the station knows each as sent")
    told = station.text()
    verdicts = set(re.findall(r"^(.+?): (?:measured|retake)", told, re.M))
    verdicts |= {name for copy, name in camera.copies.items() if copy in verdicts}  # the copy was found first
    silent = set(camera.photos) - verdicts
    check(not silent, "each has its verdict", [line for name in silent for line in told.splitlines() if line.startswith(name)])
    said = set(re.findall(r": sent, job (\w+)", told))
    check(said <= set(acknowledged), "what was said to be sent is known as sent", said - set(acknowledged))
    inspect(machine.data, acknowledged)


def main(home):
    (home / "inbox").mkdir()
    chance = random.Random(SEED)
    camera = Camera(home / "inbox", chance)
    machine = Machine(home)
    station = Station(home, machine.client_port)
    began = time.monotonic()
    try:
        rounds(machine, station, camera, chance)
        end = time.monotonic() + 60
        while time.monotonic() < end and not arrived(station, camera):
            time.sleep(0.1)
        counts = settle(machine.client_port)
        check(counts is not None, "after the last round everything settles", (home / "log").read_text()[-2000:])
        check(not station.left(), "the spool is empty", (station.left(), station.text()[-2000:]))
        machine.kill_broker()  # the sweep of a start finds what a crash left
        station.process.terminate()
        check(station.process.wait(20) == 0, "SIGTERM ends the station with 0", station.process.returncode)
    except BaseException:
        station.process.kill()
        machine.end()
        raise
    check(machine.stop() == [0, 0, 0], "and broker and workers")
    compare(machine, station, camera)
    got = run("audit", "--data", machine.data, "verify")
    check(got.returncode == 0, "the audit is whole", got)
    print(f"{ROUNDS} rounds, seed {SEED}, {time.monotonic() - began:.0f} s: {len(camera.photos)} photos and {len(camera.copies)} copies put, "
          f"{len(station.acknowledged())} sent, {counts['done']} jobs done")


with folder() as home:
    main(home)
finish()
