"""A broker written from ZeroMQ RFC 18 and PROTOCOL.md alone, to show clients the behavior that a real one has only in
trouble: silence, busy, a lost FINAL, going away. It keeps what it accepted, by the key of a job."""
import hashlib
import itertools
import threading

import msgpack
import zmq


class FakeBroker:
    """mode: answer | silent | busy_once | lose_final | refuse | forbid | fail | garbage | slow; may be changed while it runs."""

    def __init__(self, mode="answer", endpoint="tcp://127.0.0.1:*", verdict="ok"):
        self.mode, self.verdict = mode, verdict
        self.silent_after = None  # so many jobs, then it takes nothing more
        self.jobs, self.photos, self.requests, self.order = {}, {}, [], []
        self.numbers = itertools.count(1)
        self.bytes = 0  # of photos that were sent
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.socket.close()
        self.context.term()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def serve(self):
        while not self.stopping.is_set():
            if self.socket.poll(50):
                self.handle(*self.socket.recv_multipart())

    def send(self, route, command, service, body):
        self.socket.send_multipart([route, b"MDPC02", bytes([command]), service, msgpack.packb(body)])

    def handle(self, route, mdp, command, service, head, *photos):
        assert mdp == b"MDPC02" and command == b"\x01"
        body = msgpack.unpackb(head)
        verb = service.decode().removeprefix("rubor.")
        self.requests.append((verb, body))
        base = {"request": body["request"], "status": 0, "error": None}
        if self.mode == "silent" or (self.silent_after is not None and len(self.jobs) >= self.silent_after):
            return
        if self.mode == "garbage":
            self.send_garbage(route, service, body["request"])
        if verb == "analyze":
            self.analyze(route, service, body, base, photos[0] if photos else None)
        elif verb == "result":
            job = next((j for j in self.jobs.values() if j["job"] == body["job"]), None)
            base |= (job | ({"state": "running"} if self.mode == "slow" else {})) if job else {"status": 2, "error": self.error(2, "NOT_FOUND", "there is no such job")}
            self.send(route, 3, service, base)
        else:
            self.send(route, 3, service, base | {"service": {"version": "fake"}, "workers": []})

    def send_garbage(self, route, service, request):
        """What no broker says: a client must pass it over."""
        good = msgpack.packb({"request": request, "status": 0, "error": None})
        for frames in ([b""], [b"MDPC02"], [b"MDPC02", b"\x03", service], [b"MDPC02", b"\x07", service, good], [b"MDPC01", b"\x03", service, good],
                       [b"MDPC02", b"\x03", service, b"\xdf\xff\xff\xff\xff"], [b"MDPC02", b"\x03", service, good[:-1]],
                       [b"MDPC02", b"\x03", service, msgpack.packb([1, 2])], [b"MDPC02", b"\x03", service, b"\x91" * 5000],
                       [b"MDPC02", b"\x03", service, msgpack.packb({"request": "1-1", "status": 0})],
                       [b"MDPC02", b"\x03", service, msgpack.packb({"request": request, "status": "fine"})],
                       [b"MDPC02", b"\x03", service, good] + [b"x"] * 40):
            self.socket.send_multipart([route, *frames])

    @staticmethod
    def error(code, name, message):
        return {"code": code, "name": name, "message": message, "retryable": code in (8, 9, 10, 11, 12, 17)}

    def analyze(self, route, service, body, base, photo):
        if self.mode == "busy_once":
            self.mode = "answer"
            self.send(route, 3, service, base | {"status": 10, "error": self.error(10, "BUSY", "full"), "retry_after_ms": 300})
            return
        if self.mode in ("refuse", "forbid"):
            code, name = (1, "INVALID") if self.mode == "refuse" else (13, "FORBIDDEN")
            self.send(route, 3, service, base | {"status": code, "error": self.error(code, name, "not like this")})
            return
        if photo is None and body["digest"] not in self.photos:
            self.send(route, 3, service, base | {"status": 2, "error": self.error(2, "NOT_FOUND", "not stored here; send it")})
            return
        self.bytes += len(photo or b"")
        digest = hashlib.sha256(photo).hexdigest() if photo else body["digest"]
        key = (body["patient"], body["session"], body["day"], body.get("view", "front"), digest)
        duplicate = key in self.jobs
        if not duplicate:
            self.jobs[key] = {"job": f"j{next(self.numbers)}", "state": "done", "attempts": 1, "digest": digest, "submitted_ms": 1772190000000,
                              "verdict": self.verdict, "result": self.record(digest)}
            self.order.append(key)
            self.photos.setdefault(digest, photo)
        elsewhere = [k for k in self.order if k[4] == digest and k != key]
        also = f"{'before treatment' if elsewhere[0][2] == 'before' else elsewhere[0][2]}, sent 2026-02-27" if elsewhere else None
        job = self.jobs[key] | {"duplicate": duplicate, "also_filed": also}
        self.send(route, 2, service, base | job | {"state": "queued", "result": None})
        if self.mode in ("lose_final", "slow"):
            return
        if self.mode == "fail":
            failed = {"state": "failed", "result": None, "verdict": None, "status": 1, "error": self.error(1, "INVALID", "the region lies outside")}
            self.send(route, 3, service, base | job | failed)
            return
        state = {"state": "queued", "result": None} if body.get("no_wait") else {}
        self.send(route, 3, service, base | job | state)

    def record(self, digest):
        reasons = [{"code": "blurred", "message": "Hold the camera still."}] if self.verdict == "retake" else []
        return {"schema": 1, "photo": {"digest": digest, "format": "jpeg"}, "quality": {"verdict": self.verdict, "reasons": reasons},
                "reference": "baseline", "redness": {"score": 12.3, "interval95": [10.0, 14.5]},
                "pigmentation": {"score": 0.5, "interval95": [0.0, 1.5]}}
