#!/usr/bin/env python3
"""How long photos of a station wait while a batch keeps real workers busy: until they run, and until their result.

    RUBOR=build/rubor tests/bench/station_wait.py [PHOTOS]
"""
import sys
import time
from pathlib import Path

import msgpack
import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from helper import folder, run, up  # noqa: E402

PHOTOS = int(sys.argv[1]) if len(sys.argv) > 1 else 8


def connect(endpoint):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    return socket


def send(socket, number, patient, lane, photo):
    head = {"request": number, "patient": f"{patient}{number}", "session": "S", "day": 1, "lane": lane}
    socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), photo + bytes(number + 1)])


def one(socket, number, photo):
    began, runs = time.monotonic(), None
    send(socket, number, "station", "station", photo + b"s")
    while True:
        frames = socket.recv_multipart()
        if runs is None and msgpack.unpackb(frames[3])["state"] == "running":
            runs = time.monotonic() - began
        if frames[1] == b"\x03":
            return runs, time.monotonic() - began


with folder() as home:
    run("sample", "--out", home / "p", "--seed", "3", "--days", "0", "--size", "1800x1400", timeout=120)
    photo = (home / "p" / "day00.jpg").read_bytes()
    with up(home / "data", "--no-http") as service:
        batch, station = connect(service.ready["endpoint"]), connect(service.ready["endpoint"])
        for i in range(6 * PHOTOS):
            send(batch, i, "batch", "batch", photo)
        time.sleep(1)
        times = [one(station, i, photo) for i in range(PHOTOS)]
        station.send_multipart([b"MDPC02", b"\x01", b"rubor.status", msgpack.packb({"request": 1})])
        left = msgpack.unpackb(station.recv_multipart()[3])["service"]["queue_batch"]
        print(f"{PHOTOS} station photos beside a batch ({left} of it still wait), two workers: until they run {max(t[0] for t in times):.2f} s at "
              f"most, until their result {max(t[1] for t in times):.2f} s")
