#!/usr/bin/env python3
"""What the page of `rubor up` answers over HTTP, without a browser: long lists are whole, a role is told who may."""
import json
import time

import msgpack
import zmq

from helper import Page, Service, check, finish, folder, png, run, up


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


def kept(page):
    """Patient L's sessions, once the broker has written what it was told of the first (some 250 ms later)."""
    for _ in range(100):
        listed = [s for s in page.ask("/api/sessions")[1]["sessions"] if s["patient"] == "L"]
        if listed[0]["summary"]:
            break
        time.sleep(0.1)
    return listed


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
    listed = kept(page)
    check([bool(s["summary"]) for s in listed] == [True, False] and listed[0]["summary"] == told, "is kept for the list", listed)
    broker.send("list", what="sessions", patient="L")
    rows = broker.final()["sessions"]
    check([(row["urgency"], row["headline"]) for row in rows] == [("care", told["headline"]), (None, None)], "and told to every reviewer", rows)
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


def a_headline_outlives_the_service(home, told):
    """told: what was asked for last before the service ended."""
    with up(home / "data", "--noop") as service:
        page = Page(service.ready["http"], service.ready["token"])
        listed = [s for s in page.ask("/api/sessions")[1]["sessions"] if s["patient"] == "L"]
        check([s["summary"] for s in listed] == [None, told, None], "what was said of a session is there after a restart", listed)
        review = run("review", "--patient", "L", "--json", "--endpoint", service.ready["endpoint"])
        check([row["headline"] for row in json.loads(review.stdout) if row["session"] == "S2"] == [told["headline"]], "and in rubor review", review)


with folder() as home:
    with up(home / "data", "--noop") as service:
        page, broker = Page(service.ready["http"], service.ready["token"]), Broker(service.ready["endpoint"])
        every_note_is_shown(page, broker)
        the_list_says_how_each_session_stands(page, broker)
        a_reviewer_is_told_who_may(home, service)
        asked = page.ask("/api/summary?patient=L&session=S2")[1]
    a_headline_outlives_the_service(home, asked)
finish()
