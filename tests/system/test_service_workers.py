#!/usr/bin/env python3
"""What the broker does with workers that die, lie, come late or say nothing (a worker written from PROTOCOL.md alone), and what `up`
does when its children are killed."""
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import msgpack
import zmq

from fake_worker import Worker, ask
from helper import Service, check, environment, finish, folder, png, run, up

CRASHED = 17


def submit(endpoint, day, color):
    return ask(endpoint, b"rubor.analyze", {"patient": "P", "session": "S", "day": day, "no_wait": True}, png(9, 9, color))["job"]


def state(endpoint, job, wait_s=0):
    return ask(endpoint, b"rubor.result", {"job": job, "wait_s": wait_s})


def counts(endpoint):
    return ask(endpoint, b"rubor.status", {})["service"]


def quarantine(client, worker, env):
    job = submit(client, 1, (1, 2, 3))
    for _ in range(3):
        address, head, _ = worker.job()
        check(head["job"] == job, "the job comes again", head)
        worker.final(address, head, CRASHED, message="ended by signal 11")
    told = state(client, job, 5)
    check(told["state"] == "quarantined" and told["attempts"] == 3, "three deaths on one photo quarantine it", told)
    listed = run("quarantine", "list", env=env)
    check(job in listed.stdout and "signal 11" in listed.stdout, "the operator sees it and why", listed)
    check(run("quarantine", "retry", job, env=env).returncode == 0, "and may try it again")
    address, head, _ = worker.job()
    check(head["job"] == job and head["attempt"] == 1, "then it is new", head)
    worker.final(address, head, 5, message="damaged")
    told = state(client, job, 5)
    check(told["state"] == "failed" and told["error"]["name"] == "CORRUPT", "a permanent error is not retried", told)


def late(client, workers_endpoint, algorithm):
    """A worker that says nothing any more is found dead; what it sends later is refused."""
    silent = Worker(workers_endpoint, algorithm)
    job = submit(client, 2, (9, 9, 9))
    address, head, _ = silent.job()
    began = time.monotonic()
    before = counts(client)
    while counts(client)["worker_deaths"] == before["worker_deaths"] and time.monotonic() - began < 10:
        time.sleep(0.05)
    noticed = time.monotonic() - began
    check(noticed < 4.2, "a silent worker is found dead within three heartbeats of a second", noticed)
    print(f"dead worker noticed after {noticed:.1f} s")
    check(silent.receive(b"\x06", 3) is not None, "and is told so")
    silent.final(address, head, 5, message="too late")
    again = Worker(workers_endpoint, algorithm)
    address2, head2, _ = again.job()
    check(head2["job"] == job and head2["lease"] != head["lease"], "its job goes to another with another lease", head2)
    again.final(address2, {**head2, "lease": head["lease"]}, 5, message="an old lease")
    time.sleep(0.3)
    check(state(client, job)["state"] == "running", "an old lease ends nothing")
    check(counts(client)["late_results"] >= 1, "and is counted", counts(client))
    again.final(address2, head2, 7, message="refused by the test")
    check(state(client, job, 5)["state"] == "failed", "the right lease does")
    return again


def busy(client, worker):
    """A worker that is handed a job while it computes another gives it back; nothing is lost and no death is counted."""
    job = submit(client, 5, (8, 8, 8))
    address, head, _ = worker.job()
    deaths = counts(client)["worker_deaths"]
    worker.final(address, head, 10, message="busy")
    check(worker.receive(b"\x06", 3) is not None, "a busy worker is sent away until it is free")
    free = Worker(worker_endpoint, algorithm)
    got = free.job()
    check(got and got[1]["job"] == job and got[1]["attempt"] == 1, "its job goes to a free worker as if new", got)
    check(counts(client)["worker_deaths"] == deaths, "and nobody died of it", counts(client))
    free.final(got[0], got[1], 7, message="refused by the test")
    check(state(client, job, 5)["state"] == "failed", "the free worker ends it")
    return free


def many_lives():
    """Lease tokens of different lives of the broker never fit each other, whatever a worker still holds."""
    with folder() as own:
        endpoints, leases, job, old = ["tcp://127.0.0.1:*"] * 2, [], None, None
        for life in range(5):
            with Service("broker", "--data", own / "data", "--endpoint", endpoints[0], "--worker-endpoint", endpoints[1]) as service:
                endpoints = [service.ready["endpoint"], service.ready["workers"]]
                job = job or submit(endpoints[0], 1, (2, 3, 4))
                worker = Worker(endpoints[1], algorithm)
                address, head, _ = worker.job()
                check(head["job"] == job and head["attempt"] == 1, "after a crash the job is handed out again", head)
                leases.append(head["lease"])
                if old:
                    worker.final(address, {**head, "lease": old}, 5, message="of an earlier life")
                    time.sleep(0.2)
                    told = counts(endpoints[0])
                    check(told["late_results"] == 1 and told["running"] == 1, "a result with a lease of an earlier life is refused", told)
                old = head["lease"]
                if life == 4:
                    worker.final(address, head, 5, message="of this life")
                    check(state(endpoints[0], job, 5)["state"] == "failed", "one of this life counts")
                service.process.kill()
                worker.socket.close()
        check(len(set(leases)) == len(leases), "no lease comes twice", leases)


def hoarder(ended):
    """Heartbeats do not keep a job for ever: its worker said how long it may take."""
    with folder() as own, Service("broker", "--data", own / "data", "--endpoint", "tcp://127.0.0.1:*",
                                  "--worker-endpoint", "tcp://127.0.0.1:*") as service:
        worker = Worker(service.ready["workers"], algorithm, job_seconds=1)
        submit(service.ready["endpoint"], 1, (3, 3, 3))
        check(worker.job() is not None, "the hoarder has a job")
        began = time.monotonic()
        check(worker.receive(b"\x06", 40) is not None, "a worker that keeps its job beyond its time is sent away")
        check(time.monotonic() - began > 25, "but not early", time.monotonic() - began)
    ended.append(True)


def many_courses():
    """Courses that nobody computes fill the broker up to a limit only."""
    with folder() as own, Service("broker", "--data", own / "data", "--endpoint", "tcp://127.0.0.1:*",
                                  "--worker-endpoint", "tcp://127.0.0.1:*") as service:
        client = service.ready["endpoint"]
        submit(client, 1, (6, 6, 6))
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(client)
        for i in range(257):
            socket.send_multipart([b"MDPC02", b"\x01", b"rubor.series", msgpack.packb({"request": i, "patient": "P", "session": "S"})])
        told = msgpack.unpackb(socket.recv_multipart()[3]) if socket.poll(15000) else None
        check(told and told["request"] == 256 and told["status"] == 10 and told["retry_after_ms"] > 0, "one course too many is told to come back", told)
        told = counts(client)
        check(told["queue_review"] == 256 and told["queue_station"] == 1, "courses wait in the review lane", told)
        socket.close()


def slow_disk():
    """While the broker waits for its disk nobody dies: the heartbeats wait with it."""
    shim = Path(os.environ.get("RUBOR_BUILD", "")) / "tests" / "libfault_shim.so"
    if not shim.exists() or "asan" in str(shim):
        return
    with folder() as own:
        env = environment(LD_PRELOAD=shim, RUBOR_FAULT_BELOW=own / "data" / "photos", RUBOR_FAULT_SLOW_US=2200000)
        with Service("broker", "--data", own / "data", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                     env=env) as service:
            worker = Worker(service.ready["workers"], algorithm)
            check(worker.receive(b"\x05", 5) is not None, "the worker is registered")
            began = time.monotonic()
            submitting = threading.Thread(target=submit, args=(service.ready["endpoint"], 1, (4, 4, 4)))
            submitting.start()
            check(worker.job(20) is not None, "a worker outlives a slow fsync of the broker")
            submitting.join()
            check(time.monotonic() - began > 3.5, "the disk was slow", time.monotonic() - began)
            check(counts(service.ready["endpoint"])["worker_deaths"] == 0, "nobody was declared dead")


def lies(client, worker):
    for rest in [(b"\xc1garbage",), (msgpack.packb({"schema": 1, "photo": {"digest": "0" * 64}}),), ()]:
        job = submit(client, 3, (len(rest), 5, len(rest[0]) if rest else 0))
        got = worker.job()
        check(got and got[1]["job"] == job, "a job is handed out", got)
        worker.final(got[0], got[1], 0, *rest)
        told = state(client, job, 5)
        check(told["state"] == "failed" and told["result"] is None, "a result that is none is not stored", told)
    stranger = Worker(worker_endpoint, "1999.1.1")
    check(stranger.receive(b"\x06", 3) is not None, "a worker of another algorithm version is sent away")


def drain(home, service, client, worker):
    job = submit(client, 4, (7, 7, 7))
    address, head, _ = worker.job()
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.4)
    refused = ask(client, b"rubor.analyze", {"patient": "P", "session": "S", "day": 9}, png(9, 9))
    check(refused and refused["status"] == 10 and refused["retry_after_ms"] > 0, "while draining nothing is taken", refused)
    worker.final(address, head, 7, message="ended during the drain")
    check(service.process.wait(10) == 0, "drained: exit 0")
    with Service("broker", "--data", home / "data", "--endpoint", client, "--worker-endpoint", "tcp://127.0.0.1:*") as again:
        check(state(client, job)["state"] == "failed", "what ended during the drain was stored", again.ready)


def children(pid):
    got = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [(int(line.split()[0]), line.split(None, 1)[1]) for line in got.splitlines() if line.strip()]


def metrics(address):
    end = time.monotonic() + 5
    text = ""
    while 'rubor_workers{state="idle"} 2' not in text and time.monotonic() < end:  # up is ready with the first of them
        text = urllib.request.urlopen(address, timeout=10).read().decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    check("rubor_up 1" in lines and 'rubor_workers{state="idle"} 2' in lines, "Prometheus text tells of the service", text)
    check(all(re.fullmatch(r'rubor_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [-0-9.e+]+', line) for line in lines),
          "every line is well formed", text)


def killed_children(home):
    with up(home / "up", "--noop", "--no-http", "--metrics", "127.0.0.1:0") as service:
        endpoint = service.ready["endpoint"]
        metrics(service.ready["metrics"])
        env = environment(RUBOR_ENDPOINT=endpoint)
        check(os.getpgid(service.process.pid) == service.process.pid, "up has a process group of its own")
        for kind in ("worker", "broker"):
            for pid, _ in [c for c in children(service.process.pid) if f" {kind} " in c[1]]:
                os.kill(pid, signal.SIGKILL)
            end = time.monotonic() + 15
            while time.monotonic() < end:
                told = ask(endpoint, b"rubor.status", {}, wait_ms=500)
                if told and len([w for w in told["workers"]]) >= 2:
                    break
                time.sleep(0.1)
            check(told and len(told["workers"]) >= 2, f"every {kind} killed is replaced", told)
            photo = home / f"{kind}.png"
            photo.write_bytes(png(20, 20, (len(kind), 0, 0)))
            got = run("submit", "--patient", "P", "--session", "S", "--before", "--json", photo, env=env)
            check('"done"' in got.stdout, f"and after a {kind} died photos are measured", got)
        group = service.process.pid
        service.process.kill()
        service.process.wait()
        end = time.monotonic() + 8
        while time.monotonic() < end and subprocess.run(["pgrep", "-g", str(group)], capture_output=True).returncode == 0:
            time.sleep(0.1)
        check(subprocess.run(["pgrep", "-g", str(group)], capture_output=True).returncode == 1, "no child outlives up, killed or not")


with folder() as home:
    with Service("broker", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 log=home / "log") as service:
        client, worker_endpoint = service.ready["endpoint"], service.ready["workers"]
        algorithm = counts(client)["algorithm"]
        slow = threading.Thread(target=hoarder, args=(ended := [],))  # half a minute, beside the rest
        slow.start()
        first = Worker(worker_endpoint, algorithm)
        quarantine(client, first, environment(RUBOR_ENDPOINT=client))
        first.send(b"\x06")
        second = late(client, worker_endpoint, algorithm)
        second = busy(client, second)
        lies(client, second)
        drain(home, service, client, second)
    many_courses()
    many_lives()
    slow_disk()
    killed_children(home)
    slow.join()
    check(ended, "the hoarder's story was told to its end")
finish()
