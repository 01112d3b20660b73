#!/usr/bin/env python3
"""What the page of `rubor up` answers over HTTP, without a browser: long lists are whole, a role is told who may."""
import json
import time
import urllib.error
import urllib.request

import msgpack
import zmq

from helper import Service, check, finish, folder, png, run, up


class Page:
    """Logged in with a token."""

    def __init__(self, address, token):
        self.address = address
        with self.open("/api/login", {"token": token}) as answer:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def open(self, path, body=None):
        head = {"Content-Type": "application/json", "X-Rubor": "1"}
        if hasattr(self, "cookie"):
            head["Cookie"] = self.cookie
        data = json.dumps(body).encode() if body is not None else None
        return urllib.request.urlopen(urllib.request.Request(self.address + path, data, head), timeout=60)

    def ask(self, path, body=None):
        """(HTTP code, answer)"""
        try:
            with self.open(path, body) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)


class Broker:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def send(self, verb, *attachments, **head):
        self.socket.send_multipart([b"MDPC02", b"\x01", f"rubor.{verb}".encode(), msgpack.packb({"request": 1, **head}), *attachments])

    def final(self):
        while self.socket.poll(30000):
            frames = self.socket.recv_multipart()
            if frames[1] == b"\x03":
                return msgpack.unpackb(frames[3])
        raise RuntimeError("no answer")

    def submit(self, **head):
        """A photo; after the many notes the broker may ask for patience."""
        while True:
            self.send("analyze", png(40, 30 + head["day"]), **head)
            told = self.final()
            if told["status"] != 10:
                return told
            time.sleep(told["retry_after_ms"] / 1000)


def every_note_is_shown(page, broker):
    check(broker.submit(patient="P", session="S", day=1)["status"] == 0, "a photo to write notes about")
    for i in range(1203):
        broker.send("note", patient="P", session="S", text=f"note {i}")
    check(all(broker.final()["status"] == 0 for _ in range(1203)), "1,203 notes are written")
    code, model = page.ask("/api/review?patient=P&session=S")
    check(code == 200 and [n["text"] for n in model["notes"]] == [f"note {i}" for i in range(1203)] and not model["more_notes"],
          "the page gets all of them, in order", (code, len(model.get("notes", []))))


def the_list_says_how_each_session_stands(page, broker):
    """--noop workers say "retake" of every photo, so that every headline asks for care."""
    for session in ("S1", "S2"):
        broker.submit(patient="L", session=session, day=1)
    listed = [s for s in page.ask("/api/sessions")[1]["sessions"] if s["patient"] == "L"]
    check([s["summary"] for s in listed] == [None, None], "what was not looked at has no summary yet", listed)
    code, told = page.ask("/api/summary?patient=L&session=S1")
    check(code == 200 and told["urgency"] == "care" and told["headline"] == "No photo could be used: each must be taken again." and told["signs"] is None,
          "a session's headline, as in its review", told)
    check(told["headline"] == page.ask("/api/review?patient=L&session=S1")[1]["summary"]["headline"], "the very same words")
    listed = [s for s in page.ask("/api/sessions")[1]["sessions"] if s["patient"] == "L"]
    check([bool(s["summary"]) for s in listed] == [True, False], "is kept for the list", listed)
    broker.submit(patient="L", session="S1", day=2)
    again = [s for s in page.ask("/api/sessions")[1]["sessions"] if s["patient"] == "L"]
    check(again[0]["summary"] is None and again[0]["revision"] != listed[0]["revision"], "until a photo comes", again)
    broker.send("session", patient="L", session="S3", date="2026-02-11")
    broker.final()
    code, told = page.ask("/api/summary?patient=L&session=S3")
    check(code == 200 and told["headline"] == "No photo has come yet.", "a session without photos says so", told)
    check(page.ask("/api/summary?patient=L&session=S9")[0] == 404, "one that is not there is not found")


def a_reviewer_is_told_who_may(home, service):
    tokens = home / "tokens"
    tokens.write_text("rita reviewer 0123456789abcdef0123\n")
    tokens.chmod(0o600)
    with Service("serve", "--endpoint", service.ready["endpoint"], "--http", "127.0.0.1:0", "--tokens", tokens) as serve:
        code, told = Page(serve.ready["http"], "0123456789abcdef0123").ask("/api/forget", {"patient": "P", "again": "P"})
        check(code == 403 and told["error"]["message"] == "a reviewer may not do this; an admin may", "a reviewer who forgets a patient is told who may", told)


with folder() as home:
    with up(home / "data", "--noop") as service:
        page, broker = Page(service.ready["http"], service.ready["token"]), Broker(service.ready["endpoint"])
        every_note_is_shown(page, broker)
        the_list_says_how_each_session_stands(page, broker)
        a_reviewer_is_told_who_may(home, service)
finish()
