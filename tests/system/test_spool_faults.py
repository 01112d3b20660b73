#!/usr/bin/env python3
"""A full or failing disk under the spool: at every write, sync and rename once. A photo is either in the spool, whole, and said to be,
or it is said that it is not; nothing half-written is left, and the next submit sends what is there, once."""
import errno
import os
import sys
from pathlib import Path

from fake_broker import FakeBroker
from helper import check, environment, finish, folder, png, run

SHIM = Path(os.environ.get("RUBOR_BUILD", "")) / "tests" / "libfault_shim.so"
NOWHERE = "tcp://127.0.0.1:1"


def submit(home, endpoint, **fault):
    # Little patience where nobody answers, all of it where a broker does: machines are loaded.
    env = environment(RUBOR_SPOOL=home / "spool", RUBOR_TIMEOUT=0.1 if endpoint == NOWHERE else 5, **fault)
    if fault:
        env["LD_PRELOAD"] = str(SHIM)
    return run("submit", "--endpoint", endpoint, "--patient", "P", "--session", "S", "--day", "1", home / "photo.png", env=env)


def fault(home, at, code):
    return {"RUBOR_FAULT_BELOW": home / "spool", "RUBOR_FAULT_AT": at, "RUBOR_FAULT_ERRNO": code, "RUBOR_FAULT_COUNT": home / "count"}


def one_fault(at, code, photo):
    """The result is whether there was a call number `at` to fail."""
    with folder() as home:
        (home / "photo.png").write_bytes(photo)
        name = f"{errno.errorcode[code]} at call {at}"
        got = submit(home, NOWHERE, **fault(home, at, code))
        calls = int((home / "count").read_text())
        said = len(got.stderr.splitlines()) == 1 and got.returncode == 3
        spooled, lost = "spooled in" in got.stderr, "not spooled, submit it again" in got.stderr
        check(said and spooled != lost, f"{name}: what became of the photo is said", got)
        queue = home / "spool" / "queue"
        files = sorted(f.suffix for f in queue.iterdir()) if queue.is_dir() else []
        if spooled:
            check(files == [".json", ".photo"], f"{name}: it is there", files)
        with FakeBroker() as broker:
            again = submit(home, broker.endpoint)
            check(again.returncode == 0 and len(broker.jobs) == 1, f"{name}: submitted again, it is there once", (again, broker.jobs))
            if not spooled:
                check(not any(f for f in queue.iterdir() if "." in f.stem), f"{name}: nothing half-written stays", os.listdir(queue))
            check(not os.listdir(queue), f"{name}: the spool is empty", os.listdir(queue))
        return calls >= at


def one_fault_while_sending(at, code, photo):
    """The same while a spooled photo is sent: it stays in the spool or is at the broker, and in the end is there once."""
    with folder() as home:
        (home / "photo.png").write_bytes(photo)
        name = f"{errno.errorcode[code]} at call {at} of sending"
        submit(home, NOWHERE)
        with FakeBroker() as broker:
            (home / "photo.png").write_bytes(png(64, 48, (1, 2, 3)))  # another photo goes on its way
            submit(home, broker.endpoint, **fault(home, at, code))
            calls = int((home / "count").read_text())
            left = [f for f in (home / "spool" / "queue").iterdir() if f.suffix == ".json"]
            check(len(broker.jobs) + len(left) >= 2, f"{name}: each is at the broker or in the spool", (len(broker.jobs), left))
            submit(home, broker.endpoint)
            check(len(broker.jobs) == 2, f"{name}: in the end each is at the broker once", len(broker.jobs))
            check(not os.listdir(home / "spool" / "queue"), f"{name}: the queue is empty", os.listdir(home / "spool" / "queue"))
        return calls >= at


if not SHIM.exists() or "asan" in str(SHIM):
    print("skipped: the fault shim is not built")
    sys.exit(77)
for code in (errno.ENOSPC, errno.EIO):
    at = 1
    while one_fault(at, code, png(64, 48)):
        at += 1
    check(at > 8, "the writes were counted", at)
for code in (errno.ENOSPC, errno.EIO):
    at = 1
    while one_fault_while_sending(at, code, png(64, 48)):
        at += 1
    check(at > 12, "the writes while sending were counted", at)
finish()
