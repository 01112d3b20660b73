#!/usr/bin/env python3
"""How long the page's list of sessions takes until every headline is there: once when no headline was ever made, once after a restart of the
whole service, once as `rubor review` prints it. Workers look at no photo (--noop).

    RUBOR=build/rubor tests/bench/sessions.py [SESSIONS [PHOTOS]]
"""
import sys
import time
import urllib.parse
from pathlib import Path

import msgpack
import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from helper import Page, folder, png, run, up  # noqa: E402

SESSIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
PHOTOS = int(sys.argv[2]) if len(sys.argv) > 2 else 12
IN_FLIGHT = 64


def fill(endpoint):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    jobs, sent, done = SESSIONS * PHOTOS, 0, 0
    while done < jobs:
        while sent < jobs and sent - done < IN_FLIGHT:
            head = {"request": sent, "patient": f"P{sent // PHOTOS}", "session": "S", "day": sent % PHOTOS, "lane": "batch"}
            photo = png(8, 6, (sent % 256, sent // 256 % 256, 7))
            socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), photo])
            sent += 1
        frames = socket.recv_multipart()
        done += frames[1] == b"\x03"


def load(page):
    """Seconds until the list is whole, seconds for its first answer, headlines asked for one by one."""
    began = time.monotonic()
    listed = page.ask("/api/sessions")[1]["sessions"]
    first = time.monotonic() - began
    missing = [one for one in listed if not one["summary"]]
    for one in missing:
        code, told = page.ask("/api/summary?" + urllib.parse.urlencode({"patient": one["patient"], "session": one["session"]}))
        assert code == 200 and told["headline"], (code, told)
    assert len(listed) == SESSIONS, len(listed)
    return time.monotonic() - began, first, len(missing)


with folder() as home:
    for turn in ("never made", "after a restart"):
        with up(home / "data", "--noop") as service:
            if turn == "never made":
                fill(service.ready["endpoint"])
            page = Page(service.ready["http"], service.ready["token"])
            whole, first, missing = load(page)
            print(f"headlines {turn}: whole list {whole:.2f} s, first answer {first:.3f} s, {missing} of {SESSIONS} computed", flush=True)
            if turn == "after a restart":
                began = time.monotonic()
                got = run("review", "--endpoint", service.ready["endpoint"], timeout=600)
                assert got.returncode == 0 and len(got.stdout.splitlines()) == SESSIONS + 1, got
                print(f"rubor review: {time.monotonic() - began:.2f} s")
