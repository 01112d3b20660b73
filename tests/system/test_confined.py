#!/usr/bin/env python3
"""`rubor analyze` and `rubor calibrate` decode in a child that may only compute; a child that dies is one error line and leaves nothing."""
import os
import signal
import subprocess
import time
from pathlib import Path

from helper import RUBOR, check, environment, finish, folder, png

SANITIZED = "asan" in os.environ.get("RUBOR_BUILD", "") or "tsan" in os.environ.get("RUBOR_BUILD", "")


def child_of(process):
    """The child once it is confined: filtered (where that is built in) and without the parent's terminal."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            child = int(children.read_text().split()[0])
            status = Path(f"/proc/{child}/status").read_text()
            if SANITIZED or "\nSeccomp:\t2\n" in status:
                return child, os.listdir(f"/proc/{child}/fd")
        except (OSError, IndexError):
            pass
        time.sleep(0.0005)
    return None, []


def stopped(command, number, why, photo, out):
    process = subprocess.Popen([RUBOR, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    child, open_files = child_of(process)
    check(child, f"{command[0]}: a confined child decodes", process)
    if child:
        os.kill(child, number)
    said = process.communicate(timeout=30)
    lines = said[1].splitlines()
    check(process.returncode == 1 and not said[0], f"{command[0]}: exit code 1 when its child is stopped", (process.returncode, said))
    check(len(lines) == 1 and str(photo) in lines[0] and f"the decoder was stopped: {why}" in lines[0], f"{command[0]}: which photo and why", said)
    check(not out.exists(), f"{command[0]}: and nothing is written", out)
    check(SANITIZED or len(open_files) == 1, f"{command[0]}: it has the file for its result open and no other", open_files)


with folder() as home:
    photo = home / "photo.png"
    photo.write_bytes(png(4000, 3000))  # long enough to be caught at it
    for number, why in ((signal.SIGKILL, "it was killed"), (signal.SIGSYS, "it asked for"), (signal.SIGXCPU, "it took too long"),
                        (signal.SIGSEGV, "Segmentation fault")):
        if SANITIZED and number == signal.SIGSEGV:
            continue  # the sanitizer catches it and ends the child in its own way
        stopped(["analyze", "--maps", home / "maps", photo], number, why, photo, home / "maps")
    stopped(["calibrate", "--overlay", home / "overlay.png", photo], signal.SIGKILL, "it was killed", photo, home / "overlay.png")
finish()
