#!/usr/bin/env python3
"""Keys and roles: who has no key gets nothing, every verb is checked against the role, the list is read again on SIGHUP."""
import json
import signal
import time

import msgpack
import zmq

from helper import Service, check, environment, expect, finish, folder, png, run, up

ROLES = {"station": "cam1", "reviewer": "ann", "admin": "root", "worker": "gpu"}
ALLOWED = {  # protocol/PROTOCOL.md, "Verbs"
    "analyze": "SA", "compare": "SRA", "series": "RA", "result": "SRA", "list": "SRA", "photo": "RA", "overlay": "SRA",
    "note": "RA", "amend": "SRA", "cancel": "SA", "status": "SRA", "session": "SRA", "profile": "SRA", "forget": "A",
    "quarantine": "A", "audit": "A"}


def connect(endpoint, keys=None, name=None):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    if name:
        socket.curve_serverkey = (keys / "broker.public").read_bytes().strip()
        socket.curve_secretkey = (keys / f"{name}.secret").read_bytes().strip()
        socket.curve_publickey = (keys / f"{name}.public").read_bytes().strip()
    socket.connect(endpoint)
    return socket


def ask(socket, verb, wait_ms=3000, photo=None, **head):
    socket.send_multipart([b"MDPC02", b"\x01", f"rubor.{verb}".encode(), msgpack.packb({"request": 1, **head})] + [photo] * (photo is not None))
    return msgpack.unpackb(socket.recv_multipart()[3]) if socket.poll(wait_ms) else None


def make_keys(keys):
    for role, name in ROLES.items():
        expect(f"keygen for a {role}", 0, None, "keygen", "--role", role, keys, name)
        check((keys / f"{name}.secret").stat().st_mode & 0o777 == 0o600, f"the secret of {name} is private")
    expect("keygen for a second station", 0, None, "keygen", "--role", "station", keys, "cam2")
    expect("a name twice", 1, "exist", "keygen", "--role", "admin", keys, "ann")
    expect("a name with a slash", 2, "name", "keygen", "--role", "admin", keys, "a/b")
    expect("no role", 2, "--role", "keygen", keys, "x")


def every_verb(endpoint, keys):
    for role, name in ROLES.items():
        socket = connect(endpoint, keys, name)
        for verb, allowed in ALLOWED.items():
            told = ask(socket, verb, 3000 if role != "worker" else 300)
            if role == "worker":
                check(told is None, f"a worker's key gets nothing from rubor.{verb}", told)
            elif role[0].upper() in allowed:
                check(told and told["status"] != 13, f"a {role} may use rubor.{verb}", told)
            else:
                check(told and told["status"] == 13, f"a {role} may not use rubor.{verb}", told)
                words = told["error"]["message"]
                check(words.startswith(f"a {role} may not ") and words.endswith(" may") and "admin" in words and "rubor." not in words,
                      "and is told in words what, and who may", words)
        socket.close()


def strangers(endpoint, keys, home):
    check(ask(connect(endpoint), "status", 700) is None, "a client without a key gets nothing")
    other = home / "other"
    run("keygen", "--role", "admin", other, "eve")
    (other / "broker.public").write_bytes((keys / "broker.public").read_bytes())
    check(ask(connect(endpoint, other, "eve"), "status", 700) is None, "a key that is not on the list gets nothing")


def pictures(endpoint, keys, job):
    """The worker is a --noop one: a picture that may be had is not there (2), one that may not is forbidden (13)."""
    for name, status in (("cam1", 2), ("cam2", 13), ("ann", 2), ("root", 2)):
        for picture in ("overlay", "photo", "aligned"):
            told = ask(connect(endpoint, keys, name), "overlay", job=job, picture=picture)
            check(told and told["status"] == status, f"a station sees pictures of its own photos only: {name}, {picture}", told)


def own_only(endpoint, keys, job, digest):
    """cam1 has submitted a photo of patient P, cam2 one of patient Q: neither sees or changes what is the other's."""
    other = connect(endpoint, keys, "cam2")
    told = ask(other, "analyze", photo=png(30, 21), patient="Q", session="S2", day="before", no_wait=True)
    check(told and told["status"] == 0, "the second station submits, too", told)
    for verb, head in (("result", {}), ("result", {"wait_s": 1}), ("cancel", {}), ("amend", {"day": 3}), ("amend", {"patient": "Q"})):
        told = ask(other, verb, job=job, **head)
        check(told and told["status"] == 13 and "state" not in told, f"rubor.{verb} of another station's job is forbidden", told)
    seen = {name: ask(connect(endpoint, keys, name), "list", all=True)["jobs"] for name in ("cam1", "cam2", "ann")}
    check({n: sorted({j["patient"] for j in jobs}) for n, jobs in seen.items()} == {"cam1": ["P"], "cam2": ["Q"], "ann": ["P", "Q"]},
          "a station lists its own jobs, a reviewer all", seen)
    for head in ({"patient": "P"}, {"patient": "P", "session": "S", "results": True}):
        check(ask(other, "list", **head)["jobs"] == [], "and nothing of a patient that is not its own", head)
    sessions = {n: [x["patient"] for x in ask(connect(endpoint, keys, n), "list", what="sessions")["sessions"]] for n in ("cam1", "cam2", "ann")}
    check(sessions == {"cam1": ["P"], "cam2": ["Q"], "ann": ["P", "Q"]}, "sessions likewise", sessions)
    check(ask(other, "list", what="notes")["status"] == 13, "notes are not for a station")
    check(ask(other, "list", what="profiles")["status"] == 0, "profiles are")
    told = ask(other, "compare", photo=png(30, 21), digest=digest)
    check(told["status"] == 2, "another station's photo is no baseline to compare with", told)
    told = ask(other, "analyze", patient="Q", session="S2", day=1, digest=digest, no_wait=True)
    check(told["status"] == 2, "nor filed again by its digest", told)
    mine = connect(endpoint, keys, "cam1")
    told = ask(other, "session", patient="P", session="S", date="2026-02-11", site="left cheek")
    check(told["status"] == 0 and told["sessions"][0]["site"] == "left cheek", "a station records a treatment before its first photo", told)
    check(ask(connect(endpoint, keys, "ann"), "session", patient="P", session="S", device="pen")["status"] == 0, "a reviewer adds to it")
    told = ask(other, "session", patient="P", session="S", needle_mm=0.5)
    check(told["status"] == 0 and not told["sessions"][0]["site"] and not told["sessions"][0]["device"] and told["sessions"][0]["photos"] == 0,
          "and is told no more of it than it said", told)
    for patient, session in (("P", "S"), ("nobody", "S")):
        told = ask(other, "session", patient=patient, session=session)
        check(told["status"] == 13 and "has no photo in; a reviewer or an admin may" in told["error"]["message"] and "sessions" not in told,
              "a station reads no treatment that it has no photo in, there or not", told)
    reviewer = connect(endpoint, keys, "ann")
    check(ask(reviewer, "note", patient="P", session="S", text="a note", author="x" * 119 + "ß")["status"] == 0, "a note for a person of a long name")
    told = ask(reviewer, "list", what="notes", patient="P", session="S")
    check(told["notes"][0]["author"] == "x" * 119 + " (ann)", "is kept under a name that can be read back", told["notes"])
    told = ask(mine, "session", patient="P", session="S")
    check(told["status"] == 0 and told["sessions"][0]["device"] == "pen" and told["sessions"][0]["needle_mm"] == 0.5, "of its own photos it does", told)
    summary = ask(reviewer, "series", patient="P", session="S")["summary"]
    for _ in range(100):
        told = ask(reviewer, "session", patient="P", session="S")["sessions"][0]
        if told["urgency"]:
            break
        time.sleep(0.1)
    check(told["urgency"] and told["headline"] == summary["headline"], "a reviewer is told how the course stands", told)
    for told in (ask(mine, "session", patient="P", session="S"), ask(mine, "list", what="sessions")):
        check([told["sessions"][0][key] for key in ("urgency", "headline", "signs")] == [None] * 3, "a station is not", told)
    check(ask(mine, "result", job=job)["status"] == 0, "its own station gets the result")
    told = ask(mine, "amend", job=job, day=2)
    check(told["status"] == 0 and told["day"] == 2, "and may correct the filing", told)
    check(ask(mine, "result", job=told["job"])["status"] == 0, "and sees the corrected one", told)


def reload(service, endpoint, keys):
    socket = connect(endpoint, keys, "ann")
    check(ask(socket, "status") is not None, "a reviewer is let in")
    allowed = keys / "authorized"
    allowed.write_text("".join(x for x in allowed.read_text().splitlines(True) if " ann " not in x))
    service.process.send_signal(signal.SIGHUP)
    time.sleep(0.7)
    check(ask(socket, "status", 700) is None, "and shut out, connected or not, when the list says so")
    allowed.write_text(allowed.read_text() + "not a line\n")
    service.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    check(ask(connect(endpoint, keys, "cam1"), "status") is not None, "a list that cannot be read changes nothing")
    allowed.write_text(allowed.read_text().replace("not a line\n", ""))


with folder() as home:
    keys = home / "keys"
    make_keys(keys)
    expect("an open endpoint without keys", 1, "--keys", "broker", "--data", home / "d", "--endpoint", "tcp://0.0.0.0:*")
    expect("keys that are not there", 1, "rubor", "broker", "--data", home / "d", "--endpoint", "tcp://127.0.0.1:*",
           "--worker-endpoint", "tcp://127.0.0.1:*", "--keys", home / "nothing")
    with Service("up", "--data", home / "data", "--endpoint", "tcp://127.0.0.1:*", "--http", "127.0.0.1:0", "--workers", "1",
                 "--noop", "--keys", keys, log=home / "log") as service:
        endpoint = service.ready["endpoint"]
        every_verb(endpoint, keys)
        strangers(endpoint, keys, home)
        photo = home / "photo.png"
        photo.write_bytes(png(30, 20))
        got = run("submit", "--endpoint", endpoint, "--keys", keys / "cam1", "--patient", "P", "--session", "S", "--before",
                  "--json", photo)
        check('"state":"done"' in got.stdout.replace(" ", ""), "a station submits with its key", got)
        told = json.loads(got.stdout)
        pictures(endpoint, keys, told["job"])
        own_only(endpoint, keys, told["job"], told["digest"])
        got = run("status", "--endpoint", endpoint, "--keys", keys / "root", "--json")
        check(got.returncode == 0, "an admin asks with a key", got)
        reload(service, endpoint, keys)
        log = (home / "log").read_text()
        check(not any((keys / f"{n}.secret").read_text().strip() in log for n in ROLES.values()), "no secret is in the log")
        code = service.stop()
        check(code == 0, "SIGTERM ends it with 0", code)
    with up(home / "tcp", "--no-http", "--noop", env=environment(RUBOR_KEYS=keys)) as service:  # workers over tcp, too
        got = run("status", "--endpoint", service.ready["endpoint"], "--keys", keys / "root", "--json")
        check(got.returncode == 0 and '"idle"' in got.stdout, "keys by environment; its workers come in with a key of their own", got)
finish()
