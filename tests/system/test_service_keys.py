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


def ask(socket, verb, wait_ms=3000, **head):
    socket.send_multipart([b"MDPC02", b"\x01", f"rubor.{verb}".encode(), msgpack.packb({"request": 1, **head})])
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
        pictures(endpoint, keys, json.loads(got.stdout)["job"])
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
