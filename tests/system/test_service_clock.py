#!/usr/bin/env python3
"""The wall clock of the broker's machine is set by hours, forward and back, while jobs run, wait and are delayed: leases, retry delays,
deadlines and the ages that are reported stay what they are."""
import mmap
import os
import struct
import sys
import time
from pathlib import Path

from fake_worker import Worker, ask
from helper import Service, check, environment, finish, folder, png, run

SHIM = Path(os.environ.get("RUBOR_BUILD", "")) / "tests" / "libclock_shim.so"
HOUR = 3600
IO, INVALID = 9, 1  # a passing error and a permanent one


class Clock:
    def __init__(self, path):
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8)

    def set(self, seconds):
        self.memory[:] = struct.pack("q", seconds)


def submit(client, number, **more):
    told = ask(client, b"rubor.analyze", {"patient": "P", "session": f"S{number}", "day": 1, "no_wait": True, **more}, png(9, 9, (number, 0, 0)))
    check(told["status"] == 0, f"photo {number} is taken", told)
    return told["job"]


def state(client, job):
    return ask(client, b"rubor.result", {"job": job})["state"]


def status(client):
    return ask(client, b"rubor.status", {})["service"]



def jumps(client, workers, algorithm, clock):
    worker = Worker(workers, algorithm)
    running, waiting = submit(client, 1), submit(client, 2, deadline_s=1000)
    address, head, _ = worker.job()
    check(head["job"] == running, "a job runs, another waits", head)
    for offset in (6 * HOUR, -12 * HOUR, 30 * 24 * HOUR):
        clock.set(offset)
        end = time.monotonic() + 3.2  # more than three heartbeats, less than the ages asked for below
        while time.monotonic() < end:
            worker.receive(b"\x07", 0.3)  # no such command: heartbeats only
        told = status(client)
        name = f"clock {offset // HOUR:+} h"
        check(state(client, running) == "running" and told["worker_deaths"] == 0, f"{name}: a lease goes on, nobody died", told)
        check(state(client, waiting) == "queued", f"{name}: a deadline does not come sooner", told)
        check(0 < told["oldest_station_ms"] < 60000 and 0 < told["uptime_s"] < 120, f"{name}: ages are those of the waiting", told)
        fresh = submit(client, 10 + abs(offset) // HOUR % 100)
        check(status(client)["oldest_station_ms"] < 60000, f"{name}: a new photo is new")
        check(run("cancel", "--endpoint", client, fresh).returncode == 0, "and can be canceled")
    worker.final(address, head, INVALID, message="ended after the jumps")
    check(ask(client, b"rubor.result", {"job": running, "wait_s": 5})["state"] == "failed", "the running job's end still counts")
    return worker, waiting


def delayed(client, worker, clock, waiting):
    """A retry's delay is neither skipped nor stretched."""
    address, head, _ = worker.job()
    check(head["job"] == waiting, "the job that waited is handed out", head)
    worker.final(address, head, IO, message="for now")
    clock.set(-5 * HOUR)
    began = time.monotonic()
    again = worker.job(20)
    took = time.monotonic() - began
    check(again and again[1]["job"] == waiting and 0.3 < took < 5, "a delayed job comes after its delay", took)
    worker.send(b"\x06")  # goodbye: it goes back


def restarted(home, env, clock, algorithm):
    """After a restart only the wall clock can tell how long a job has waited: within reason."""
    with Service("broker", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 env=env) as service:
        clock.set(0)
        job = submit(service.ready["endpoint"], 200, deadline_s=300)
    for offset, lowest, highest in ((-8 * HOUR, 0, 60000), (4 * 60, 230000, 290000), (-2 * HOUR, 0, 60000)):
        clock.set(offset)
        with Service("broker", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                     env=env) as service:
            told = status(service.ready["endpoint"])
            check(lowest <= told["oldest_station_ms"] <= highest, f"started at {offset} s: an age within reason", told)
            check(state(service.ready["endpoint"], job) == "queued", f"started at {offset} s: the job waits")
    clock.set(7 * HOUR)
    with Service("broker", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 env=env) as service:
        told = ask(service.ready["endpoint"], b"rubor.result", {"job": job, "wait_s": 5})
        check(told["state"] == "failed" and told["error"]["name"] == "TIMEOUT", "a deadline that has passed says so", told)
    got = run("audit", "--data", home / "data", "verify")
    check(got.returncode == 0, "the audit is whole, its times in whatever order", got)


if not SHIM.exists() or "san" in str(SHIM):
    print("skipped: the clock shim is not built, or a sanitizer is in its way")
    sys.exit(77)
with folder() as home:
    clock = Clock(home / "clock")
    env = environment(LD_PRELOAD=SHIM, RUBOR_CLOCK=home / "clock")
    with Service("broker", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 env=env, log=home / "log") as service:
        client, workers = service.ready["endpoint"], service.ready["workers"]
        algorithm = status(client)["algorithm"]
        worker, waiting = jumps(client, workers, algorithm, clock)
        delayed(client, worker, clock, waiting)
        run("cancel", "--endpoint", client, waiting)
    restarted(home, env, clock, algorithm)
finish()
