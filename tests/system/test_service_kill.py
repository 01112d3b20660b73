#!/usr/bin/env python3
"""kill -9 at random moments over broker and workers while photos are submitted: acknowledged is stored, one result per key, no file
left over, audit whole. RUBOR_ROUNDS (default 12) and RUBOR_SEED (default 1) for longer runs or to replay one."""
import hashlib
import os
import random
import threading
import time

import msgpack
import zmq

from helper import check, finish, folder, png, run
from machine import Machine, inspect, settle

ROUNDS, SEED = int(os.environ.get("RUBOR_ROUNDS", "12")), int(os.environ.get("RUBOR_SEED", "1"))


class Station(threading.Thread):
    """Submits photo after photo; sends each again until it is acknowledged, as the station does."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint, self.acknowledged, self.more, self.sent = endpoint, {}, True, 0

    def connect(self):
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(self.endpoint)
        return socket

    def submit(self, number):
        photo = png(8, 6, (number % 256, number // 256 % 256, number // 65536))
        head = {"request": number, "patient": f"P{number % 5}", "session": "S", "day": number % 7 if number % 4 else "before",
                "no_wait": number % 2 == 0}
        while self.more:
            socket = self.connect()
            socket.send_multipart([b"MDPC02", b"\x01", b"rubor.analyze", msgpack.packb(head), photo])
            if socket.poll(700):
                frames = socket.recv_multipart()
                reply = msgpack.unpackb(frames[3])
                if reply["status"] == 0:
                    self.acknowledged[reply["job"]] = hashlib.sha256(photo).hexdigest()
                    socket.close()
                    return
            socket.close()

    def run(self):
        while self.more:
            self.submit(self.sent)
            self.sent += 1


def rounds(machine, chance):
    for _ in range(ROUNDS):
        time.sleep(chance.random() * 0.25)
        kind = chance.randrange(3)
        if kind != 1:
            machine.kill_broker()
        if kind != 0:
            machine.kill_worker(chance.randrange(2))


def main(home):
    machine = Machine(home)
    try:
        station = Station(machine.client_port)
        station.start()
        rounds(machine, random.Random(SEED))
        time.sleep(0.5)
        station.more = False
        station.join(10)
        counts = settle(machine.client_port)
        check(counts is not None, "after the last round everything settles", (home / "log").read_text()[-2000:])
        machine.kill_broker()  # the sweep of a start finds what a crash left
    except BaseException:
        machine.end()
        raise
    codes = machine.stop()
    check(codes == [0, 0, 0], "SIGTERM ends each with 0", codes)
    inspect(machine.data, station.acknowledged)
    got = run("audit", "--data", machine.data, "verify")
    check(got.returncode == 0, "the audit is whole", got)
    print(f"{ROUNDS} rounds, seed {SEED}: {station.sent} photos sent, {len(station.acknowledged)} jobs acknowledged, {counts}")


with folder() as home:
    main(home)
finish()
