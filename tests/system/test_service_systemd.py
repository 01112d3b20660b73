#!/usr/bin/env python3
"""What systemd and its journal see: readiness, the watchdog, stopping, log entries with priority and job; and that the installed units are
what systemd takes."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from fake_worker import Worker, ask
from helper import Service, check, environment, finish, folder, png

CRASHED = 17


def listen(path):
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(path))
    end.settimeout(0.2)
    return end


def receive(end, seconds, enough=lambda got: False):
    got, until = [], time.monotonic() + seconds
    while time.monotonic() < until and not enough(got):
        try:
            got.append(end.recv(65536).decode())
        except TimeoutError:
            pass
    return got


def notifications(home):
    end = listen(home / "notify")
    for command in (("up", "--data", home / "up", "--no-http", "--workers", "1", "--noop"),
                    ("broker", "--data", home / "broker", "--worker-endpoint", "tcp://127.0.0.1:*")):
        env = environment(NOTIFY_SOCKET=home / "notify", WATCHDOG_USEC=1200000)
        name = f"rubor {command[0]}"
        with Service(*command, "--endpoint", "tcp://127.0.0.1:*", env=env) as service:
            got = receive(end, 5, lambda got: got.count("WATCHDOG=1") >= 4)
            check(got.count("READY=1") == 1, f"{name}: READY once, from the main process only", got)
            check(got.count("WATCHDOG=1") >= 4, f"{name}: signs of life, several a WatchdogSec", got)
            os.kill(service.process.pid, signal.SIGSTOP)
            receive(end, 0.5)
            check(not receive(end, 1.5), f"{name}: a process that hangs gives none")
            os.kill(service.process.pid, signal.SIGCONT)
            service.process.send_signal(signal.SIGTERM)
            code = service.process.wait(20)
        got = receive(end, 1)
        check(code == 0 and got.count("STOPPING=1") == 1, f"{name}: STOPPING once", got)
    with Service("broker", "--data", home / "other", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 env=environment(NOTIFY_SOCKET=home / "notify", WATCHDOG_USEC=600000, WATCHDOG_PID=1)):
        got = receive(end, 1.2)
        check("READY=1" in got and "WATCHDOG=1" not in got, "a watchdog that is meant for another process is left alone", got)


def fields(entry):
    return dict(line.split("=", 1) for line in entry.splitlines())


def journal(home):
    end = listen(home / "journal")
    with open(home / "stderr", "w") as stderr:
        info = os.fstat(stderr.fileno())
        env = environment(JOURNAL_STREAM=f"{info.st_dev}:{info.st_ino}", RUBOR_JOURNAL_SOCKET=home / "journal")
        log = home / "stderr"
        with Service("broker", "--data", home / "journaled", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                     env=env, log=log) as service:
            client = service.ready["endpoint"]
            worker = Worker(service.ready["workers"], ask(client, b"rubor.status", {})["service"]["algorithm"])
            job = ask(client, b"rubor.analyze", {"patient": "Secret Name", "session": "S", "day": 1, "no_wait": True}, png(9, 9))["job"]
            address, head, _ = worker.job()
            worker.final(address, head, CRASHED, message="ended by MESSAGE=forged PRIORITY=0 job=none")
            entries = [fields(e) for e in receive(end, 5, lambda got: any("RUBOR_JOB" in e for e in got))]
        of_job = [e for e in entries if e.get("RUBOR_JOB") == job]
        check(of_job and of_job[0]["PRIORITY"] == "4" and of_job[0]["RUBOR_PART"] == "broker" and of_job[0]["SYSLOG_IDENTIFIER"] == "rubor"
              and "MESSAGE=forged PRIORITY=0 job=none" in of_job[0]["MESSAGE"], "an entry has its job, priority and message", entries)
        check(any(e.get("RUBOR_WORKER") == "test" and e["PRIORITY"] == "6" for e in entries), "and its worker", entries)
        check(not any("Secret" in str(e) for e in entries), "no patient is named")
        check(log.read_text() == "", "nothing is said twice", log.read_text())


def other_streams(home):
    """A service whose stderr leads elsewhere, or whose journal is not there, says it on stderr."""
    log = home / "plain"
    with Service("broker", "--data", home / "p", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 env=environment(JOURNAL_STREAM="1:1"), log=log) as service:
        service.stop()
    check(" info rubor broker: drain" in log.read_text(), "a redirected stderr gets plain lines", log.read_text())
    log = home / "prefixed"
    log.touch()
    info = os.stat(log)
    env = environment(JOURNAL_STREAM=f"{info.st_dev}:{info.st_ino}", RUBOR_JOURNAL_SOCKET=home / "nothing")
    with Service("broker", "--data", home / "p", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*", env=env,
                 log=log) as service:
        service.stop()
    check("<6>rubor broker: drain" in log.read_text(), "and a journal that takes no datagrams lines with their priority", log.read_text())


def units(home):
    build = os.environ.get("RUBOR_BUILD")
    if not build:
        return
    got = subprocess.run(["cmake", "--install", build, "--prefix", home / "installed"], capture_output=True, text=True)
    if not check(got.returncode == 0, "cmake --install works", got):
        return
    found = sorted((home / "installed").rglob("rubor*.service"))
    check([f.name for f in found] == ["rubor-worker.service", "rubor.service"], "two units are installed", found)
    text = {f.name: f.read_text() for f in found}
    check("@CMAKE" not in "".join(text.values()), "with real paths")
    for name, wanted in (("rubor.service", "MemoryMax="), ("rubor.service", "WatchdogSec="), ("rubor-worker.service", "MemoryMax=")):
        check(wanted in text[name], f"{name} sets {wanted}")
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not here: the units are not verified")
        return
    for unit in found:  # in place of where the build would install the program
        unit.write_text(re.sub("^ExecStart=[^ ]*", f"ExecStart={home}/installed/bin/rubor", unit.read_text(), flags=re.M))
        got = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                             env={**os.environ, "SYSTEMD_UNIT_PATH": f"{unit.parent}:"})
        about = [line for line in got.stderr.splitlines() if "rubor" in line]
        check(got.returncode == 0 and not about, f"systemd takes {unit.name}", got)
        got = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=30", unit], capture_output=True, text=True)
        if "unrecognized option" not in got.stderr:
            check(got.returncode == 0, f"{unit.name} is hardened: exposure of at most 3.0", (got.stdout.splitlines()[-1:], got.stderr))
            print(unit.name, got.stdout.splitlines()[-1:])


with folder() as home:
    notifications(home)
    journal(home)
    other_streams(home)
    units(home)
finish()
