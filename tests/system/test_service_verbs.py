#!/usr/bin/env python3
"""Every verb of the protocol once, on rendered photos and real workers: what it gives, and what it refuses."""
import subprocess

import msgpack
import zmq

from helper import Service, check, environment, finish, folder, run, up


class Client:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.count = 0

    def ask(self, verb, *attachments, **head):
        """(FINAL, PARTIALs, attachments)"""
        self.count += 1
        self.socket.send_multipart([b"MDPC02", b"\x01", f"rubor.{verb}".encode(), msgpack.packb({"request": self.count, **head}),
                                    *attachments])
        partials = []
        while self.socket.poll(90000):
            frames = self.socket.recv_multipart()
            reply = msgpack.unpackb(frames[3])
            if frames[1] == b"\x03":
                return reply, partials, frames[4:]
            partials.append(reply)
        raise RuntimeError(f"no answer to {verb}")


def polygon(path):
    return [[float(n) for n in point.split(",")] for point in path.read_text().split()]


def course(client, photos):
    visit = {"patient": "P", "session": "S"}
    early, _, _ = client.ask("analyze", (photos / "day01.jpg").read_bytes(), **visit, day=1)
    check(early["status"] == 0 and early["result"]["reference"] == "within_frame" and early["baseline"] is None,
          "a visit without a baseline is measured within its frame", early["error"])
    before, partials, _ = client.ask("analyze", (photos / "before.jpg").read_bytes(), **visit, day="before",
                                     region=polygon(photos / "region.txt"), control=polygon(photos / "control.txt"))
    check(before["state"] == "done" and [p["state"] for p in partials] == ["queued", "running"],
          "accepted, running, done", (before["error"], [p["state"] for p in partials]))
    day0, _, _ = client.ask("analyze", (photos / "day00.jpg").read_bytes(), **visit, day=0)
    record = day0["result"]
    check(record["reference"] == "baseline" and day0["baseline"] == before["digest"], "a visit after the baseline is measured against it",
          record["reference"])
    check(record["region"]["source"] == "baseline" and record["region"]["control"] == "baseline",
          "and takes over its region and control", record["region"])
    check(set(day0["pictures"]) >= {"photo", "overlay"}, "pictures come with it", day0["pictures"])
    told, _, _ = client.ask("result", job=early["job"])
    check(not told["current"] and told["superseded_by"] and told["result"] == early["result"], "the early result is kept, not current", told)
    again, _, _ = client.ask("result", job=told["superseded_by"], wait_s=60)
    check(again["state"] == "done" and again["result"]["reference"] == "baseline", "the early visit was measured again", again["error"])
    return before, day0


def lists(client, before, day0):
    got, _, _ = client.ask("list", patient="P", session="S", results=True)
    check(sorted(str(j["day"]) for j in got["jobs"]) == ["0", "1", "before"] and all(j["result"] for j in got["jobs"]), "current jobs with results",
          [(j["day"], j["current"]) for j in got["jobs"]])
    everything, _, _ = client.ask("list", patient="P", all=True)
    check(len(everything["jobs"]) == 4, "superseded ones on request", len(everything["jobs"]))
    page, _, _ = client.ask("list", limit=2)
    rest, _, _ = client.ask("list", limit=2, after=page["next"])
    check(len(page["jobs"]) == 2 and len(rest["jobs"]) == 1 and "next" not in rest, "a list in pages", (page.get("next"), rest.get("next")))
    sessions, _, _ = client.ask("list", what="sessions")
    check([(s["patient"], s["session"], s["photos"]) for s in sessions["sessions"]] == [("P", "S", 3)], "sessions", sessions)
    check(client.ask("list", what="nonsense")[0]["status"] == 1, "another kind of list is refused")


def series(client):
    got, _, _ = client.ask("series", patient="P", session="S")
    check(got["status"] == 0 and [v["view"] for v in got["series"]] == ["front"], "a series by view", got.get("error"))
    check({j["day"]: j["in_curve"] for j in got["jobs"]}[0] is True and isinstance(got["flags"], list), "which visits are in the curve",
          [(j["day"], j["in_curve"]) for j in got["jobs"]])
    check(client.ask("series", patient="nobody", session="S")[0]["status"] == 2, "no series of an unknown patient")


def pictures(client, day0):
    got, _, attached = client.ask("photo", digest=day0["digest"])
    check(got["type"] == "image/jpeg" and attached[0][:3] == b"\xff\xd8\xff", "a screen-sized photo", got)
    check(b"Exif" not in attached[0][:4096], "without metadata")
    got, _, attached = client.ask("overlay", job=day0["job"])
    check(got["status"] == 0 and attached[0][:3] == b"\xff\xd8\xff", "an overlay", got)
    check(client.ask("overlay", job=day0["job"], picture="none")[0]["status"] == 2, "an unknown picture")
    check(client.ask("photo", digest="0" * 64)[0]["status"] == 2, "an unknown photo")


def people(client):
    put, _, _ = client.ask("session", patient="P", session="S", date="2026-11-02", site="left cheek", needle_mm=1.5)
    check(put["sessions"][0]["needle_mm"] == 1.5, "a session is described", put)
    more, _, _ = client.ask("session", patient="P", session="S", device="pen")
    check(more["sessions"][0]["site"] == "left cheek" and more["sessions"][0]["device"] == "pen", "what is not given stays", more)
    check(client.ask("session", patient="P", session="S", date="2026-02-30")[0]["status"] == 1, "a date that is none")
    check(client.ask("session", patient="nobody", session="S")[0]["status"] == 2, "an unknown session")
    check(client.ask("note", patient="P", session="S", day=0, text="two\nlines é")[0]["status"] == 0, "a note")
    notes, _, _ = client.ask("list", what="notes", patient="P")
    check([(n["text"], n["day"], n["author"]) for n in notes["notes"]] == [("two\nlines é", 0, "local")], "is listed", notes)


def profiles(client, home, photos):
    made = run("calibrate", "--profile", home / "station.json", photos / "before.jpg", timeout=60)
    check(made.returncode == 0, "a profile is made", made)
    json = (home / "station.json").read_bytes()
    check(client.ask("profile", action="put", profile="room 1", profile_json=json)[0]["status"] == 0, "stored")
    check(client.ask("profile", profile="room 1")[0]["profile_json"].encode() == json, "read back")
    check(client.ask("profile", action="list")[0]["names"] == ["room 1"], "listed")
    check(client.ask("profile", action="put", profile="x", profile_json=b"{}")[0]["status"] == 1, "one that cannot be read is refused")
    head = {"patient": "Q", "session": "S", "day": "before"}
    photo = (photos / "before.jpg").read_bytes()
    unknown, _, _ = client.ask("analyze", photo, **head, profile="nothing")
    check(unknown["status"] == 2 and "rubor calibrate --profile" in unknown["error"]["message"], "an unknown profile is refused at once", unknown)
    check(client.ask("analyze", photo, **head, profile="room 1")[0]["state"] == "done", "a known one is used")


def compare(client, photos, before):
    photo, baseline = (photos / "day01.jpg").read_bytes(), (photos / "before.jpg").read_bytes()
    attached, _, _ = client.ask("compare", photo, baseline)
    check(attached["result"]["reference"] == "baseline", "two photos are compared", attached["error"])
    stored, _, _ = client.ask("compare", photo, digest=before["digest"])
    check(stored["job"] == attached["job"] and stored["duplicate"], "by a stored baseline: the same job", stored["job"])
    check(client.ask("compare", photo)[0]["status"] == 1, "without a baseline it is refused")
    listed, _, _ = client.ask("list", all=True)
    check(attached["job"] not in [j["job"] for j in listed["jobs"]], "it is filed in no session")


def amend_and_cancel(client, day0):
    moved, _, _ = client.ask("amend", job=day0["job"], day=2)
    check(moved["status"] == 0 and moved["day"] == 2 and moved["job"] != day0["job"], "a photo filed under the wrong day", moved["error"])
    check(client.ask("result", job=moved["job"], wait_s=60)[0]["state"] == "done", "is measured under the right one")
    listed, _, _ = client.ask("list", patient="P")
    check(sorted(str(j["day"]) for j in listed["jobs"]) == ["1", "2", "before"], "and only there", [j["day"] for j in listed["jobs"]])
    check(client.ask("amend", job=day0["job"], day=3)[0]["status"] == 15, "an old job cannot be amended again")
    check(client.ask("cancel", job=moved["job"])[0]["status"] == 15, "a job that ended cannot be canceled")


def withdraw(client, photos):
    head = {"patient": "W", "session": "S"}
    before = [client.ask("analyze", (photos / name).read_bytes(), **head, day="before")[0] for name in ("day00.jpg", "before.jpg")]
    visit, _, _ = client.ask("analyze", (photos / "day01.jpg").read_bytes(), **head, day=1)
    check(visit["baseline"] == before[1]["digest"], "the later photo before treatment counts", visit["baseline"])
    check(client.ask("amend", job=before[1]["job"], withdraw=True, day=3)[0]["status"] == 1, "withdrawn and filed anew at once is refused")
    gone, _, _ = client.ask("amend", job=before[1]["job"], withdraw=True)
    check(gone["status"] == 0 and gone["job"] == before[1]["job"] and not gone["current"] and gone["state"] == "done", "a photo is taken out", gone)
    listed, _, _ = client.ask("list", patient="W")
    anew = next(j for j in listed["jobs"] if j["day"] == 1)
    check(sorted(str(j["day"]) for j in listed["jobs"]) == ["1", "before"] and anew["job"] != visit["job"], "and is listed no more", listed["jobs"])
    check(anew["baseline"] == before[0]["digest"] and client.ask("result", job=anew["job"], wait_s=60)[0]["state"] == "done",
          "the visits are measured against the one that counts now", anew)
    twice, _, _ = client.ask("amend", job=before[1]["job"], withdraw=True)
    check(twice["status"] == 15 and "was withdrawn: submit it again" in twice["error"]["message"], "twice is refused, and is told why", twice["error"])
    back, _, _ = client.ask("analyze", digest=before[1]["digest"], **head, day="before")
    check(back["status"] == 0 and back["job"] != before[1]["job"] and not back["duplicate"], "filed again it is back", back)
    audit, _, _ = client.ask("audit")
    check([line["subject"] for line in audit["audit"] if line["action"] == "withdraw"] == [before[1]["job"]] and audit["intact"], "the audit says so", audit)
    gone, _, _ = client.ask("forget", patient="W", confirm=True)
    check(gone["status"] == 0 and gone["removed_jobs"] >= 5, "and a forgotten patient's withdrawn photos go, too", gone)


def amend_region(client, photos):
    """The region is drawn anew on the photo before treatment: every visit of the view is measured again in it."""
    visit = {"patient": "R", "session": "S"}
    region, control = polygon(photos / "region.txt"), polygon(photos / "control.txt")
    before, _, _ = client.ask("analyze", (photos / "before.jpg").read_bytes(), **visit, day="before", region=region, control=control)
    day1, _, _ = client.ask("analyze", (photos / "day01.jpg").read_bytes(), **visit, day=1)
    check(client.ask("amend", job=before["job"])[0]["status"] == 15, "amending nothing is refused")
    away = [[x + 100000, y] for x, y in region]
    for what in ("region", "control"):
        refused, _, _ = client.ask("amend", job=before["job"], **{what: away})
        check(refused["status"] == 1 and f"the {what} lies outside the photo of" in refused["error"]["message"], f"a {what} beside the photo is refused", refused)
    check(client.ask("result", job=before["job"])[0]["current"], "and the measurement stays")
    middle = [sum(axis) / len(region) for axis in zip(*region)]
    smaller = [[m + 0.4 * (p - m) for p, m in zip(point, middle)] for point in region]
    amended, _, _ = client.ask("amend", job=before["job"], region=smaller)
    check(amended["status"] == 0 and amended["job"] != before["job"] and amended["day"] == "before", "a region is drawn anew", amended["error"])
    again, _, _ = client.ask("result", job=amended["job"], wait_s=60)
    check(again["state"] == "done" and again["result"]["region"] == {"source": "given", "control": "given"},
          "the photo is measured in it, with the control it had", again)
    old, _, _ = client.ask("result", job=day1["job"])
    check(not old["current"] and old["result"] == day1["result"], "the visit's old result is kept, not current", old["superseded_by"])
    new, _, _ = client.ask("result", job=old["superseded_by"], wait_s=60)
    record = new["result"]
    check(record["reference"] == "baseline" and record["region"]["source"] == "baseline", "the visit is measured again against it", new["error"])
    check(record["redness"]["delta_ei"] > day1["result"]["redness"]["delta_ei"] + 0.1, "in the middle of the redness there is more of it",
          (record["redness"]["delta_ei"], day1["result"]["redness"]["delta_ei"]))
    listed, _, _ = client.ask("list", patient="R")
    check(sorted(j["job"] for j in listed["jobs"]) == sorted([amended["job"], new["job"]]), "only the new ones are current", listed["jobs"])
    check(client.ask("forget", patient="R", confirm=True)[0]["status"] == 0, "and can be forgotten")


def forget(client, home):
    check(client.ask("forget", patient="P", confirm=False)[0]["status"] == 1, "forgetting must be confirmed")
    gone, _, _ = client.ask("forget", patient="P", confirm=True)
    check(gone["removed_jobs"] == 5 and gone["removed_photos"] >= 1, "a patient is forgotten", gone)
    left, _, _ = client.ask("list", patient="P", all=True)
    check(left["jobs"] == [], "nothing is listed any more", left)
    audit, _, _ = client.ask("audit")
    check(audit["intact"] and "forget" in [a["action"] for a in audit["audit"]], "the audit has it and is whole")
    check("P" not in [a["subject"] for a in audit["audit"]], "without the patient's id")


def keyed_workers(home, photos):
    """Everything over CURVE: broker, a worker elsewhere, a client."""
    keys = home / "keys"
    for role, name in (("worker", "gpu"), ("admin", "root")):
        run("keygen", "--role", role, keys, name)
    env = environment()
    with Service("broker", "--data", home / "keyed", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 "--keys", keys, log=home / "log") as broker:
        try:
            Service("worker", "--broker", broker.ready["workers"], "--keys", keys / "root", "--noop", timeout=1.5).stop()
            admin = True
        except RuntimeError:
            admin = False
        check(admin, "an admin's key may run a worker")
        with Service("worker", "--broker", broker.ready["workers"], "--keys", keys / "gpu", "--slots", "2", log=home / "worker.log"):
            got = run("submit", "--endpoint", broker.ready["endpoint"], "--keys", keys / "root", "--patient", "P", "--session", "S",
                      "--before", "--json", photos / "before.jpg", env=env, timeout=60)
            check('"done"' in got.stdout, "a worker with a key measures", (got, (home / "worker.log").read_text()[-800:]))


with folder() as home:
    photos = home / "photos"
    made = run("sample", "--out", photos, "--seed", "5", "--days", "0-1", "--size", "1000x800", timeout=120)
    check(made.returncode == 0, "photos are rendered", made)
    with up(home / "data", "--no-http") as service:
        client = Client(service.ready["endpoint"])
        before, day0 = course(client, photos)
        lists(client, before, day0)
        series(client)
        pictures(client, day0)
        people(client)
        profiles(client, home, photos)
        compare(client, photos, before)
        amend_and_cancel(client, day0)
        withdraw(client, photos)
        amend_region(client, photos)
        forget(client, home)
    left = [p for p in (home / "data" / "photos").glob("*/*")]
    check(len(left) == 2, "files that another patient or comparison uses are kept, the others are gone", left)
    keyed_workers(home, photos)
finish()
