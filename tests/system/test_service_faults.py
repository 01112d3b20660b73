#!/usr/bin/env python3
"""A disk that fails or fills up under a running service, at every write, sync, truncation and rename of the store in turn: nothing is
acknowledged that is not stored, nothing acknowledged is lost, the client is told of a passing error, and the service goes on by itself.

RUBOR_STEP (default 6; 1: every call) and RUBOR_SEED (which of them, 1) for longer runs or to replay one; RUBOR_BURST (default 6) photos are
sent at once in every second round, so that a group fails, too."""
import errno
import hashlib
import mmap
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path

import msgpack
import zmq

from helper import RUBOR, check, environment, finish, folder, png, run

SHIM = Path(os.environ.get("RUBOR_BUILD", "")) / "tests" / "libfault_shim.so"
STEP, SEED = int(os.environ.get("RUBOR_STEP", "6")), int(os.environ.get("RUBOR_SEED", "1"))
BURST = int(os.environ.get("RUBOR_BURST", "6"))


class Disk:
    """The control block of tests/system/fault_shim.c."""

    def __init__(self, path):
        path.write_bytes(bytes(40))
        self.file = open(path, "r+b")
        self.memory = mmap.mmap(self.file.fileno(), 40)

    def fail(self, at, code=errno.EIO, more=0):
        self.memory[8:40] = struct.pack("4q", 0, code, more, 0)  # off while the rest changes
        self.memory[0:8] = struct.pack("q", 0)
        self.memory[8:16] = struct.pack("q", at)

    def well(self):
        """(calls, failed) since fail."""
        calls, _, _, _, failed = struct.unpack("5q", self.memory[:40])
        self.memory[8:16] = struct.pack("q", 0)
        return calls, failed


class Machine:
    def __init__(self, home, env):
        self.data, self.home, self.env = home / "data", home, env
        self.log = open(home / "log", "a")
        self.client, self.worker_port = "tcp://127.0.0.1:*", f"ipc://{home}/workers"
        self.broker = None
        self.start(True)
        self.worker = subprocess.Popen([RUBOR, "worker", "--noop", "--broker", self.worker_port], stdout=subprocess.DEVNULL,
                                       stderr=self.log, env=environment(), stdin=subprocess.DEVNULL)

    def start(self, must):
        """False when it ended with an error, as it may where the disk fails."""
        self.broker = subprocess.Popen([RUBOR, "broker", "--data", str(self.data), "--endpoint", self.client, "--worker-endpoint",
                                        self.worker_port], stdout=subprocess.PIPE, stderr=subprocess.PIPE if not must else self.log, text=True,
                                       env=self.env, stdin=subprocess.DEVNULL)
        line = self.broker.stdout.readline()
        if line.startswith("ready "):
            self.client = dict(w.split("=", 1) for w in line.split()[1:])["endpoint"]
            return True
        self.broker.wait(20)
        if must:
            raise RuntimeError("the broker does not start")
        return False

    def kill(self):
        self.broker.kill()
        self.broker.wait()
        self.broker.stdout.close()

    def end(self):
        for process in (self.broker, self.worker):
            process.kill()
            process.wait()
        self.broker.stdout.close()
        self.log.close()


class Client:
    """Sends photos; knows which were acknowledged (job: digest of the photo)."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.acknowledged, self.refused, self.serial = {}, 0, 0

    def send(self, number):
        head = {"request": number, "patient": f"P{number % 7}", "session": "S", "day": number % 3000, "no_wait": True}
        self.socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), self.photo(number)])

    @staticmethod
    def photo(number):
        return png(8, 6, (number % 256, number // 256 % 256, 3)) + bytes(number % 3 * 3000)

    def submit(self, numbers, name):
        """The numbers that were refused; every one must be answered."""
        for number in numbers:
            self.send(number)
        open_ones, refused = set(numbers), []
        end = time.monotonic() + 20
        while open_ones and time.monotonic() < end:
            if not self.socket.poll(200):
                continue
            reply = msgpack.unpackb(self.socket.recv_multipart()[3])
            number = reply["request"]
            if number not in open_ones:
                continue
            open_ones.discard(number)
            if reply["status"] == 0:
                self.acknowledged[reply["job"]] = hashlib.sha256(self.photo(number)).hexdigest()
            else:
                refused.append(number)
                error = reply["error"]
                check(error["retryable"] and error["name"] == "IO" and reply["retry_after_ms"] > 0 and error["message"],
                      f"{name}: a passing error is told, and when to come back", reply)
        check(not open_ones, f"{name}: every photo is answered", open_ones)
        self.refused += len(refused)
        return refused

    def ask(self, service, **head):
        self.socket.send_multipart([b"MDPC02", b"\x01", service, msgpack.packb({"request": "ask", **head})])
        while self.socket.poll(10000):
            reply = msgpack.unpackb(self.socket.recv_multipart()[3])
            if reply["request"] == "ask":
                return reply
        return None

    def settle(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            told = self.ask(b"rubor.status")
            if told and told["service"]["queued"] == 0 and told["service"]["running"] == 0:
                return told["service"]
            time.sleep(0.1)
        return None


def one_round(machine, disk, client, at, code, more, count):
    numbers = range(client.serial, client.serial + count)
    client.serial += count
    name = f"{errno.errorcode[code]} at call {at}{' and on' if more else ''}"
    disk.fail(at, code, more)
    refused = client.submit(numbers, name)
    time.sleep(0.02)  # results are being stored, too
    _, failed = disk.well()
    alive = machine.broker.poll() is None
    check(alive, f"{name}: the service lives", (machine.home / "log").read_text()[-500:])
    if not alive:
        machine.start(True)
    again = client.submit(refused, name + ", well again")
    check(not again, f"{name}: what was refused is taken when the disk is well again", again)
    return failed


def inspect(machine, client):
    db = sqlite3.connect(machine.data / "rubor.db")
    states = dict(db.execute("SELECT id, state FROM jobs"))
    results = dict(db.execute("SELECT job, count(*) FROM results GROUP BY job"))
    photos = {row[0] for row in db.execute("SELECT digest FROM photos")}
    db.close()
    files = {p.parent.name + p.name: p for p in (machine.data / "photos").glob("*/*")}
    check(all(states.get(job) == "done" and results.get(job) == 1 for job in client.acknowledged),
          "all that was acknowledged is stored and measured, once", [(j, states.get(j)) for j in client.acknowledged if states.get(j) != "done"][:5])
    check(set(client.acknowledged.values()) <= set(files), "with its photo")
    check(all(hashlib.sha256(p.read_bytes()).hexdigest() == digest for digest, p in files.items()), "with its bytes")
    check(set(files) == photos, "and no file is left over", set(files) ^ photos)
    got = run("audit", "--data", machine.data, "verify")
    check(got.returncode == 0, "the audit is whole", got)


def while_it_runs(machine, disk):
    client = Client(machine.client)
    disk.fail(0)
    client.submit([0], "a well disk")
    client.settle()
    calls, _ = disk.well()
    client.serial, hits, rounds = 1, 0, 0
    check(calls > 20, "the writes of one photo and its result are counted", calls)
    for code in (errno.ENOSPC, errno.EIO):
        for more in (0, -1):
            for at in range(1 + (SEED + rounds) % STEP, calls + 12, STEP):
                hits += one_round(machine, disk, client, at, code, more, BURST if rounds % 2 else 1) > 0
                rounds += 1
    counts = client.settle()
    check(counts and counts["failed"] == 0 and counts["quarantined"] == 0, "all is measured in the end", counts)
    check(hits > rounds / 3 and client.refused > 0, "and the disk did fail", (hits, rounds, client.refused))
    machine.kill()
    machine.start(True)  # after a crash it is still there; what a crash left is swept
    inspect(machine, client)
    print(f"{rounds} rounds ({hits} with a fault), {len(client.acknowledged)} photos acknowledged, {client.refused} refused for now")
    return client


def while_it_starts(machine, disk, client):
    """A start on a failing disk works or says in one line why not; the next one resumes all."""
    starts = ends = 0
    for code in (errno.ENOSPC, errno.EIO):
        at = 1 + SEED % STEP
        while at < 200:
            machine.kill()
            (machine.data / "photos" / "00" / ("0" * 62)).write_bytes(b"left by a crash")
            disk.fail(at, code, -1)
            started = machine.start(False)
            if not started:
                told = machine.broker.stderr.read()
                lines = [x for x in told.splitlines() if x.startswith("rubor broker: ")]
                check(machine.broker.returncode in (1, 4) and len(lines) == 1, f"{errno.errorcode[code]} at call {at} of a start is said in one line", told)
            _, failed = disk.well()
            machine.kill()
            machine.broker.stderr.close()
            machine.start(True)
            starts, ends = starts + started, ends + (not started)
            if not failed:
                break
            at += STEP
    check(ends > 0, "some starts failed", (starts, ends))
    client.socket.close()
    client.socket = Client(machine.client).socket
    refused = client.submit([client.serial], "after failed starts")
    client.serial += 1
    check(not refused and client.settle(), "the service works after all of them")
    machine.kill()
    machine.start(True)
    inspect(machine, client)
    print(f"{ends} starts ended with an error, {starts} worked")


def order_of_things(home):
    """Seen from below: photo and folder are synced, then the log, and only then does anything go out to the client."""
    seen = home / "seen"
    env = environment(LD_PRELOAD=SHIM, RUBOR_FAULT_BELOW=home / "ordered", RUBOR_FAULT_LOG=seen)
    broker = subprocess.Popen([RUBOR, "broker", "--data", home / "ordered", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint",
                               f"ipc://{home}/w"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    client = Client(dict(w.split("=", 1) for w in broker.stdout.readline().split()[1:])["endpoint"])
    client.ask(b"rubor.status")
    for burst in (1, 2, 12):
        seen.write_text("")
        numbers = range(client.serial, client.serial + burst)
        client.serial += burst
        check(not client.submit(numbers, "a well disk"), "photos are taken")
        events = [(line.split()[0], line.split()[1:]) for line in seen.read_text().splitlines()]
        # owed: photos that are on the disk and may still be waiting to be told, as answers leave in a thread of their own
        unsynced, logged, told, written, owed = set(), False, 0, 0, 0
        for what, path in events:
            name = path[0] if path else ""
            if what == "rename":
                unsynced.update({name.removesuffix(".part"), str(Path(name).parent)})
                written += 1
            elif what == "fsync":
                unsynced.discard(name)
            elif what == "syncfs":
                unsynced.clear()
            elif what == "write" and name.endswith("-wal"):
                check(not unsynced, f"{burst} at once: nothing is written to the log before the photos are on the disk", unsynced)
                logged = True
            elif what == "fdatasync" and name.endswith("-wal"):
                logged, written, owed = False, 0, owed + written
            elif what == "send":
                told += 1
                check(not unsynced and not logged or owed > 0, f"{burst} at once: nothing is told before photos and log are on the disk", events)
                owed = max(0, owed - 1)
        check(told > 0 and any(w == "fdatasync" for w, _ in events), "the order was seen", events)
        syncs = sum("sync" in what for what, _ in events)
        check(burst < 12 or syncs < 2 * burst, "photos that come together share their syncs", syncs)
    broker.send_signal(signal.SIGTERM)
    check(broker.wait(20) == 0, "SIGTERM ends it with 0")
    broker.stdout.close()


if not SHIM.exists() or "san" in str(SHIM):
    print("skipped: the fault shim is not built, or a sanitizer is in its way")
    sys.exit(77)
with folder() as home:
    order_of_things(home)
    disk = Disk(home / "control")
    machine = Machine(home, environment(LD_PRELOAD=SHIM, RUBOR_FAULT_BELOW=home / "data", RUBOR_FAULT_CONTROL=home / "control"))
    try:
        while_it_starts(machine, disk, while_it_runs(machine, disk))
    finally:
        machine.end()
finish()
