"""Broker and workers as processes of their own, to be killed one by one, and what must be true of the store afterwards."""
import hashlib
import signal
import sqlite3
import subprocess
import time

import msgpack
import zmq

from helper import RUBOR, check, environment


class Machine:
    """Broker and workers, each killed and started on its own."""

    def __init__(self, home):
        self.data, self.log = home / "data", open(home / "log", "w")
        self.client_port, self.worker_port = "tcp://127.0.0.1:*", f"ipc://{home}/workers"
        self.broker, self.workers = None, []
        self.start_broker()
        for _ in range(2):
            self.start_worker()

    def spawn(self, *arguments):
        return subprocess.Popen([RUBOR, *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.log, text=True,
                                env=environment(), stdin=subprocess.DEVNULL)

    def start_broker(self):
        for _ in range(100):
            self.broker = self.spawn("broker", "--data", self.data, "--endpoint", self.client_port, "--worker-endpoint",
                                     self.worker_port)
            line = self.broker.stdout.readline()
            if line.startswith("ready "):
                self.client_port = dict(w.split("=", 1) for w in line.split()[1:])["endpoint"]
                return
            self.broker.wait()
            time.sleep(0.05)
        raise RuntimeError("the broker does not start")

    def start_worker(self):
        self.workers.append(self.spawn("worker", "--noop", "--broker", self.worker_port))

    def kill_broker(self):
        self.broker.kill()
        self.broker.wait()
        self.start_broker()

    def kill_worker(self, index):
        victim = self.workers.pop(index)
        victim.kill()
        victim.wait()
        self.start_worker()

    def end(self):
        for process in [self.broker, *self.workers]:
            process.kill()

    def stop(self):
        for process in [self.broker, *self.workers]:
            process.send_signal(signal.SIGTERM)
        codes = [p.wait(40) for p in [self.broker, *self.workers]]
        for process in [self.broker, *self.workers]:
            process.stdout.close()
        self.log.close()
        return codes


def ask(endpoint, service, head, *photos):
    """The first reply that is no PARTIAL."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    socket.send_multipart([b"MDPC02", b"\x01", service, msgpack.packb(head), *photos])
    while socket.poll(10000):
        frames = socket.recv_multipart()
        if frames[1] == b"\x03":
            socket.close()
            return msgpack.unpackb(frames[3])
    socket.close()
    return None


def settle(endpoint):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = ask(endpoint, b"rubor.status", {"request": 1})
        if told and told["service"]["queued"] == 0 and told["service"]["running"] == 0:
            return told["service"]
        time.sleep(0.1)
    return None


def inspect(data, acknowledged):
    db = sqlite3.connect(data / "rubor.db")
    states = dict(db.execute("SELECT id, state FROM jobs"))
    results = dict(db.execute("SELECT job, count(*) FROM results GROUP BY job"))
    keys = db.execute("SELECT count(*), count(DISTINCT f.patient || '/' || f.day || '/' || f.photo || '/' || j.baseline || '/'"
                      " || j.algorithm) FROM jobs j JOIN filings f ON f.id = j.filing").fetchone()
    photos = {row[0] for row in db.execute("SELECT digest FROM photos")}
    files = {p.parent.name + p.name: p for p in (data / "photos").glob("*/*")}
    missing = [job for job in acknowledged if states.get(job) not in ("done", "canceled")]
    check(not missing, "every acknowledged job is stored and done", [(j, states.get(j)) for j in missing[:5]])
    check(all(results.get(job) == 1 for job, state in states.items() if state == "done"), "with exactly one result each")
    check(keys[0] == keys[1], "exactly one job a key", keys)
    check(set(acknowledged.values()) <= set(files), "every acknowledged photo has its file")
    check(all(hashlib.sha256(p.read_bytes()).hexdigest() == digest for digest, p in files.items()), "with its bytes")
    check(set(files) == photos, "and no other file is left over", set(files) ^ photos)
