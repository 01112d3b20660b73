#!/usr/bin/env python3
"""`rubor station`: photos appear in a folder in all the ways they do; each arrives once, whatever is away or killed."""
import json
import os
import random
import re
import signal
import socket
import time

from fake_broker import FakeBroker
from helper import RUBOR, Service, check, environment, expect, finish, folder, png


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def photo(number):
    return png(64, 48, (200, number % 256, number // 256))


def until(condition, timeout=10):
    end = time.monotonic() + timeout
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


class Clinic:
    def __init__(self, home, **more):
        self.home, self.inbox, self.spool = home, home / "inbox", home / "spool"
        self.inbox.mkdir()
        self.env = environment(RUBOR_SPOOL=self.spool, RUBOR_TIMEOUT=0.5, **more)

    def station(self, endpoint, *more):
        return Service("station", "--endpoint", endpoint, *more, self.inbox, env=self.env, log=self.home / "station.log")

    def put(self, name, data):
        (self.inbox / (name + ".part")).write_bytes(data)
        os.rename(self.inbox / (name + ".part"), self.inbox / name)

    def log(self):
        return (self.home / "station.log").read_text()


def filed(broker):
    return sorted((k[0], k[1], str(k[2]), k[3]) for k in broker.jobs)


def by_name_and_sidecar(home):
    clinic = Clinic(home)
    with FakeBroker() as broker:
        clinic.put("P1_S1_before.png", photo(1))
        with clinic.station(broker.endpoint, "--profile", "room1") as station:
            check(set(station.ready) == {"dir", "spool", "endpoint"}, "the ready line names folder, spool and endpoint", station.ready)
            check(station.wait_for("^P1_S1_before.png: measured"), "a photo that was there before is sent", station.text)
            began = time.monotonic()
            clinic.put("P1_S1_3_left.png", photo(2))
            check(station.wait_for("^P1_S1_3_left.png: sent, job j2$") and station.wait_for("^P1_S1_3_left.png: measured, ok"),
                  "a new one is sent and measured", station.text)
            check(time.monotonic() - began < 5, "soon (two seconds on an idle machine)", time.monotonic() - began)
            (clinic.inbox / "IMG_1.png.json").write_text(json.dumps({"patient": "P2", "session": "S9", "day": 4, "region": "1,1 9,1 9,9"}))
            clinic.put("IMG_1.png", photo(3))
            check(station.wait_for("^IMG_1.png: measured"), "a sidecar says what a photo is", station.text + clinic.log())
            clinic.put("IMG_2.png", photo(4))
            time.sleep(0.8)
            (clinic.inbox / "IMG_2.json").write_text(json.dumps({"patient": "P2", "session": "S9", "day": "before", "view": "left"}))
            check(station.wait_for("^IMG_2.png: measured"), "also one that comes later", station.text + clinic.log())
            check(station.stop() == 0, "SIGTERM ends it with exit code 0", station.process.returncode)
        check(filed(broker) == [("P1", "S1", "3", "left"), ("P1", "S1", "before", "front"), ("P2", "S9", "4", "front"),
                                ("P2", "S9", "before", "left")], "all filed as they say", filed(broker))
        body = next(b for v, b in broker.requests if b.get("patient") == "P2" and b["day"] == 4)
        check(body["region"] == [[1, 1], [9, 1], [9, 9]] and body["profile"] == "room1", "with region and profile", body)


def half_written_and_wrong(home):
    clinic = Clinic(home)
    with FakeBroker() as broker, clinic.station(broker.endpoint) as station:
        data = photo(7) + b""
        with open(clinic.inbox / "P1_S1_1.png", "wb") as slow:
            for i in range(0, len(data), 40):
                slow.write(data[i:i + 40])
                slow.flush()
                check(not broker.jobs, "a half-written photo is not sent")
                time.sleep(0.4)
        check(station.wait_for("^P1_S1_1.png: measured"), "a slow copy is waited for", station.text + clinic.log())
        (clinic.inbox / "notes.txt").write_text("not for us")
        (clinic.inbox / "P1_S1_2.jpg").write_text("no photo at all")
        clinic.put("P1_S1_9999.png", photo(8))
        (clinic.inbox / "IMG_5.png.json").write_text('{"patient": "P1", "session": "S1", "day": -2}')
        clinic.put("IMG_5.png", photo(9))
        clinic.put("copy of P1_S1_1.png", data)
        (clinic.inbox / "copy of P1_S1_1.png.json").write_text('{"patient": "P1", "session": "S1", "day": 1}')
        check(station.wait_for("copy of P1_S1_1.png: known"), "a copy of a photo is known", station.text + clinic.log())
        until(lambda: all(name in clinic.log() for name in ("P1_S1_2.jpg", "IMG_5.png", "P1_S1_9999.png")))
        log = clinic.log()
        check("P1_S1_2.jpg: not taken: not a JPEG or PNG" in log, "what is no photo is said", log)
        check("IMG_5.png" in log and "day" in log, "a sidecar with a wrong day is said", log)
        check("P1_S1_9999.png" in log, "a name with a wrong day is said", log)
        check(log.count("P1_S1_2.jpg") == 1, "each once", log)
        check(len(broker.jobs) == 1, "and none of them is sent", filed(broker))
        station.stop()


def every_file_has_its_word(home):
    """Whatever lies in the folder is told of once, however often the folder is looked at."""
    clinic = Clinic(home)
    expected = {"IMG_1.heic": "HEIC is not read; set the camera to JPEG", "P1_S1_1.jpg": "HEIC is not read", "P1_S1_2.CR2": "camera raw is not read",
                "P1_S1_3.tif": "not taken: TIFF", "clip.MOV": "a video is not measured", "Thumbs.db": "not taken: not a JPEG or PNG photo; save it as one of them$",
                "P1_S1_4": "must end in .jpg", "sub": "is a folder", "link.jpg": "a link to a file that is not there", "pipe.jpg": "is no file",
                "IMG_2.png": "waits: ", "IMG_3.png": "waits: ", "IMG_4.png": "waits: ", "P1_S1_5.png": "over the limit"}
    for name, data in {"IMG_1.heic": b"\0\0\0\x18ftypheic", "P1_S1_1.jpg": b"\0\0\0\x18ftypheic", "P1_S1_2.CR2": b"II*\0", "P1_S1_3.tif": b"II*\0",
                       "clip.MOV": b"\0\0\0\x14ftypqt  ", "Thumbs.db": b"\xd0\xcf", "P1_S1_4": photo(1), "IMG_2.png": photo(2), "IMG_3.png": photo(3),
                       "IMG_4.png": photo(4), ".hidden.jpg": photo(5)}.items():
        (clinic.inbox / name).write_bytes(data)
    (clinic.inbox / "sub").mkdir()
    (clinic.inbox / "sub" / "P1_S1_6.png").write_bytes(photo(6))
    os.symlink("nowhere", clinic.inbox / "link.jpg")
    os.mkfifo(clinic.inbox / "pipe.jpg")
    with open(clinic.inbox / "P1_S1_5.png", "wb") as large:
        large.truncate(65 * 1024 * 1024)
    with FakeBroker() as broker, clinic.station(broker.endpoint) as station:
        until(lambda: len(clinic.log().splitlines()) >= len(expected))
        (clinic.inbox / "sub" / "more.png").write_bytes(photo(7))
        time.sleep(11)  # the whole folder is looked at every ten seconds
        log = clinic.log()
        for name, word in expected.items():
            lines = [line for line in log.splitlines() if f" {name}: " in line]
            check(len(lines) == 1 and re.search(word, lines[0]), f"{name} has one word: {word}", lines)
        check(len(log.splitlines()) == len(expected), "and nothing else is said", log)
        check(not broker.jobs and "png: sent" not in station.read(), "none of them is sent", filed(broker))
        os.unlink(clinic.inbox / "link.jpg")
        (home / "elsewhere.png").write_bytes(photo(8))
        os.symlink(home / "elsewhere.png", clinic.inbox / "P1_S1_7.png")
        check(station.wait_for("^P1_S1_7.png: measured"), "a link to a photo is a photo", station.text + clinic.log())
        (clinic.inbox / "IMG_3.png").rename(clinic.inbox / "P1_S1_8.png")
        check(station.wait_for("^P1_S1_8.png: measured"), "one that gets its right name is sent", station.text + clinic.log())


def changing_files(home):
    """Overwritten, renamed, taken away, with times that go backwards."""
    clinic = Clinic(home)
    with FakeBroker() as broker, clinic.station(broker.endpoint) as station:
        clinic.put("P1_S1_1.png", photo(1))
        check(station.wait_for("^P1_S1_1.png: measured"), "a photo is sent", station.text + clinic.log())
        os.utime(clinic.inbox / "P1_S1_1.png", (0, 0))
        check(station.wait_for("^P1_S1_1.png: known"), "with another time it is the same photo", station.text + clinic.log())
        (clinic.inbox / "P1_S1_1.png").write_bytes(photo(2))
        os.utime(clinic.inbox / "P1_S1_1.png", (1e9, 1e9))
        until(lambda: len(broker.jobs) == 2)
        check(len(broker.jobs) == 2, "overwritten it is another one, also with an old time", station.text + clinic.log())
        os.rename(clinic.inbox / "P1_S1_1.png", clinic.inbox / "P1_S1_2.png")
        check(station.wait_for("^P1_S1_2.png: measured"), "renamed it is filed under its new name too", station.text + clinic.log())
        (clinic.inbox / "P1_S1_3.png").write_bytes(photo(3)[:60])
        until(lambda: False, 0.6)
        (clinic.inbox / "P1_S1_3.png").unlink()
        check(until(lambda: "P1_S1_3.png: not taken: was taken away" in clinic.log()), "one that goes before it is whole is told", clinic.log())
        (clinic.inbox / "P1_S1_4.png.part").write_bytes(photo(4))
        time.sleep(1)
        os.rename(clinic.inbox / "P1_S1_4.png.part", clinic.inbox / "P1_S1_4.png")
        check(station.wait_for("^P1_S1_4.png: measured"), "a copy is sent when it has its name", station.text + clinic.log())
        check(".part" not in clinic.log(), "and nothing is said of the name it had meanwhile", clinic.log())
        if os.geteuid() == 0:
            return  # root reads everything
        (clinic.inbox / "P1_S1_5.png").write_bytes(photo(5))
        (clinic.inbox / "P1_S1_5.png").chmod(0)
        check(until(lambda: "P1_S1_5.png: not taken" in clinic.log()), "one that must not be read is told", clinic.log())
        (clinic.inbox / "P1_S1_5.png").chmod(0o600)
        check(station.wait_for("^P1_S1_5.png: measured", 5), "and taken when it may be", station.text + clinic.log())


def names_nobody_when_told(home):
    clinic = Clinic(home)
    with FakeBroker() as broker, clinic.station(broker.endpoint) as station:
        clinic.put("Patient7_S1_1.png", photo(1))
        check(station.wait_for("^Patient7_S1_1.png: measured"), "a photo is sent", station.text + clinic.log())
        until(lambda: os.listdir(clinic.spool / "sent"))
        station.stop()
        left = [f for f in clinic.spool.rglob("*") if f.is_file() and b"Patient7" in f.read_bytes()]
        check(not left, "the spool names no patient when all is told", left)
        with clinic.station(broker.endpoint) as again:
            time.sleep(1)
            check(again.read().count("\n") == 1, "and still knows the file after a restart", again.text)


def away_for_a_while(home):
    clinic = Clinic(home)
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with clinic.station(endpoint) as station:
        for i in range(5):
            clinic.put(f"P1_S1_{i}.png", photo(20 + i))
        check(until(lambda: "no broker answers" in clinic.log()), "the operator is told that the broker is away", clinic.log())
        check(until(lambda: len(list((clinic.spool / "queue").glob("*.json"))) == 5), "five photos wait in the spool", os.listdir(clinic.spool / "queue"))
        station.stop(signal.SIGKILL)
    for file in clinic.inbox.iterdir():
        file.unlink()  # the camera's folder is emptied overnight: the spool has them
    with FakeBroker(endpoint=endpoint) as broker, clinic.station(endpoint) as station:
        check(station.wait_for("^P1_S1_4.png: measured", 10), "they are sent when it is back, after a restart", station.text + clinic.log())
        until(lambda: len(broker.jobs) == 5)
        check(filed(broker) == [("P1", "S1", str(i), "front") for i in range(5)], "each once", filed(broker))
        check(sum(v == "analyze" for v, _ in broker.requests) == 5, "and sent once", [v for v, _ in broker.requests])


def told_after_restart(home):
    clinic = Clinic(home)
    with FakeBroker("lose_final", verdict="retake") as broker:
        with clinic.station(broker.endpoint) as station:
            clinic.put("P1_S1_0.png", photo(40))
            check(station.wait_for("^P1_S1_0.png: sent"), "the photo is accepted", station.text + clinic.log())
            station.stop(signal.SIGKILL)
        with clinic.station(broker.endpoint) as station:
            check(station.wait_for("^P1_S1_0.png: retake: Hold the camera still"), "its verdict is told after a restart", station.text)
            station.stop()
        with clinic.station(broker.endpoint) as station:
            time.sleep(1)
            check("P1_S1_0.png" not in station.read(), "and once only", station.text)
        check(sum(v == "analyze" for v, _ in broker.requests) == 1, "the photo was sent once", broker.requests)


def turned_away(home):
    clinic = Clinic(home)
    with FakeBroker("refuse") as broker, clinic.station(broker.endpoint) as station:
        clinic.put("P1_S1_0.png", photo(50))
        check(station.wait_for("^P1_S1_0.png: failed: not like this"), "what the broker refuses for good is told", station.text)
        check(until(lambda: len(list((clinic.spool / "refused").glob("*.photo"))) == 1), "and kept", os.listdir(clinic.spool / "refused"))
    with FakeBroker("forbid") as broker, clinic.station(broker.endpoint) as station:
        clinic.put("P1_S1_1.png", photo(51))
        check(until(lambda: "not like this" in clinic.log()) and len(list((clinic.spool / "queue").glob("*.photo"))) == 1,
              "what is refused for lack of a right stays in the queue", clinic.log())


def killed_at_any_moment(home):
    """kill -9 at random moments while photos come in: every photo is at the broker once. RUBOR_SEED replays, RUBOR_ROUNDS
    makes it longer."""
    rounds = int(os.environ.get("RUBOR_ROUNDS", "12"))
    seed = int(os.environ.get("RUBOR_SEED", "0")) or random.randrange(1 << 30)
    dice = random.Random(seed)
    clinic = Clinic(home)
    with FakeBroker() as broker:
        for round in range(rounds):
            station = clinic.station(broker.endpoint)
            for i in range(3):
                clinic.put(f"P1_S1_{3 * round + i}.png", photo(100 + 3 * round + i))
            time.sleep(dice.uniform(0, 0.8))
            station.stop(signal.SIGKILL)
        with clinic.station(broker.endpoint) as station:
            end = time.monotonic() + 20
            while time.monotonic() < end and (len(broker.jobs) < 3 * rounds or os.listdir(clinic.spool / "queue") or
                                              os.listdir(clinic.spool / "waiting")):
                time.sleep(0.05)
            station.stop()
        check(filed(broker) == sorted(("P1", "S1", str(i), "front") for i in range(3 * rounds)), f"all arrive (seed {seed})", filed(broker))
        for place in ("queue", "waiting", "refused"):
            check(not os.listdir(clinic.spool / place), f"nothing is left in {place} (seed {seed})", os.listdir(clinic.spool / place))
        check(len(os.listdir(clinic.spool / "sent")) == 3 * rounds, f"all are known as sent (seed {seed})")


def wrong_usage(home):
    clinic = Clinic(home)
    (home / "file").write_text("")
    expect("a folder that is not there", 1, "nowhere", "station", home / "nowhere", env=clinic.env)
    expect("a file instead of a folder", 1, "not a folder", "station", home / "file", env=clinic.env)
    expect("a pattern that is none", 2, "regular expression", "station", "--pattern", "(", clinic.inbox, env=clinic.env)
    expect("a pattern with an unknown part", 2, "patient session day view", "station", "--pattern", "(?<name>a)", clinic.inbox,
           env=clinic.env)
    with FakeBroker() as broker, clinic.station(broker.endpoint):
        expect("a second station on the same spool", 3, "another process", "station", "--endpoint", broker.endpoint, clinic.inbox,
               env=clinic.env)


for situation in (by_name_and_sidecar, half_written_and_wrong, every_file_has_its_word, changing_files, names_nobody_when_told, away_for_a_while, told_after_restart, turned_away, killed_at_any_moment,
                  wrong_usage):
    with folder() as home:
        situation(home)
finish()
