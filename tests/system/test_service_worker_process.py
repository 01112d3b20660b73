#!/usr/bin/env python3
"""The worker process against a broker written from protocol/PROTOCOL.md alone, which does what a good broker never would: a second job for
a busy worker, nonsense, silence; and what becomes of a job when its process is killed or the worker is asked to end."""
import os
import signal
import subprocess
import time

import msgpack
import zmq

from helper import RUBOR, check, environment, finish, folder, run

READY, REQUEST, FINAL, HEARTBEAT, DISCONNECT = (bytes([n]) for n in (1, 2, 4, 5, 6))
BUSY, CRASHED = 10, 17


class Broker:
    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.route = None

    def send(self, *frames):
        self.socket.send_multipart([self.route, b"MDPW02", *frames])

    def receive(self, command, seconds=20, answer=True):
        """The next message with this command; heartbeats are answered meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.socket.poll(100):
                route, mdp, got, *rest = self.socket.recv_multipart()
                assert mdp == b"MDPW02"
                if got == READY:
                    self.route = route
                if got == command:
                    return rest
            if self.route and answer:
                self.send(HEARTBEAT)
        return None

    def job(self, name, lease, photo, baseline=b""):
        head = {"job": name, "kind": "measure", "attempt": 1, "lease": lease, "status": 0, "message": "", "pictures": []}
        self.send(REQUEST, name.encode(), b"", msgpack.packb(head), msgpack.packb({"request": "task", "day": 1}), photo, baseline, b"", b"")

    def final(self, seconds=90):
        rest = self.receive(FINAL, seconds)
        return msgpack.unpackb(rest[2]) | {"frames": len(rest)} if rest else None


def busy(broker, photos):
    broker.job("first", "00000000000000a1", *photos)
    broker.job("second", "00000000000000a2", *photos)
    told = broker.final()
    check(told and (told["job"], told["lease"], told["status"]) == ("second", "00000000000000a2", BUSY),
          "a second job is handed back at once, with its lease", told)
    told = broker.final()
    check(told and (told["job"], told["lease"], told["status"]) == ("first", "00000000000000a1", 0) and told["frames"] > 4,
          "and the first one's result comes all the same", told)
    broker.job("third", "00000000000000a3", photos[0])
    told = broker.final()
    check(told and told["job"] == "third" and told["status"] == 0, "then the worker is free", told)


def nonsense(broker, photos):
    for frames in ([], [b""], [REQUEST], [REQUEST, b"x", b"", b"\xc1"], [REQUEST, b"x", b"", b"\x91" * 5000], [b"\x09", b"?"],
                   [REQUEST, b"x", b"", msgpack.packb({"job": "j", "kind": "other", "attempt": 1, "lease": "f", "status": 0, "message": "", "pictures": []}), b"\xdd\xff\xff\xff\xff"], [REQUEST] + [b"y"] * 40):
        broker.send(*frames)
    while broker.final(2):  # what could be read as a job is answered
        pass
    broker.job("bad photo", "00000000000000b1", b"\xff\xd8\xff no photo")
    told = broker.final()
    check(told and told["job"] == "bad photo" and told["status"] not in (0, BUSY, CRASHED), "what is no photo is a permanent error of its job", told)
    broker.job("after nonsense", "00000000000000b2", photos[0])
    told = broker.final()
    check(told and told["job"] == "after nonsense" and told["status"] == 0, "after nonsense the worker still measures", told)


def descendants(pid):
    got = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    parent = {int(a): int(b) for a, b in (line.split() for line in got.splitlines())}
    found, more = [], [pid]
    while more:
        at = more.pop()
        children = [p for p, up in parent.items() if up == at]
        found += children
        more += children
    return found


def killed_child(broker, photos, process):
    idle = set(descendants(process.pid))
    broker.job("killed", "00000000000000c1", *photos)
    child, end = set(), time.monotonic() + 10
    while not child and time.monotonic() < end:
        child = set(descendants(process.pid)) - idle
    for pid in child:
        os.kill(pid, signal.SIGKILL)
    told = broker.final()
    check(child and told and told["status"] == CRASHED and "signal 9" in told["message"], "a job whose process is killed says so", told)
    broker.job("after a death", "00000000000000c2", photos[0])
    told = broker.final()
    check(told and told["job"] == "after a death" and told["status"] == 0, "the worker goes on", told)


def ended(broker, photos, process):
    broker.job("last", "00000000000000d1", *photos)
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    told = broker.final()
    check(told and told["job"] == "last" and told["status"] == 0, "a worker asked to end finishes its job", told)
    check(broker.receive(DISCONNECT, 5) is not None, "says goodbye")
    check(process.wait(10) == 0, "and exits with 0", process.returncode)


with folder() as home:
    made = run("sample", "--out", home, "--seed", "3", "--days", "0", "--size", "1800x1400", timeout=120)
    check(made.returncode == 0, "photos are rendered", made)
    photos = [(home / "day00.jpg").read_bytes(), (home / "before.jpg").read_bytes()]
    silent, broker = Broker(), Broker()
    with open(home / "log", "w") as log:
        process = subprocess.Popen([RUBOR, "worker", "--broker", silent.endpoint, "--broker", broker.endpoint],
                                   stdout=subprocess.DEVNULL, stderr=log, stdin=subprocess.DEVNULL, env=environment())
        try:
            check(silent.receive(READY, 10, answer=False) is not None, "a worker registers at its first broker")
            hello = broker.receive(READY, 20)
            check(hello is not None and msgpack.unpackb(hello[1])["pid"] == process.pid, "and at the next one when that is silent", hello)
            busy(broker, photos)
            nonsense(broker, photos)
            killed_child(broker, photos, process)
            ended(broker, photos, process)
        finally:
            process.kill()
            process.wait()
finish()
