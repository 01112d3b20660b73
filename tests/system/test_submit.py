#!/usr/bin/env python3
"""`rubor submit` against a broker that is silent, busy, gone, or loses its answer: nothing is lost, nothing is told twice."""
import json
import os
import socket

from fake_broker import FakeBroker
from helper import check, expect, finish, folder, png, run, environment

VISIT = ("--patient", "P1", "--session", "S1")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def photos(home, count):
    paths = []
    for i in range(count):
        paths.append(home / f"photo{i}.png")
        paths[-1].write_bytes(png(64, 48, (200, 100 + i, 90)))
    return paths


def lines(got):
    return [json.loads(line) for line in got.stdout.splitlines()]


def answered(home, env):
    with FakeBroker() as broker:
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "3", "--view", "left", "--region", "1,1 9,1 9,9", "--json",
                  *photos(home, 6), env=env)
        out = lines(got)
        check(got.returncode == 0 and len(out) == 6 and not got.stderr, "six photos are measured", got)
        check([o["digest"] for o in out] == [k[4] for k in broker.order], "in the order of the command line", out)
        check(all(o["state"] == "done" and o["verdict"] == "ok" and o["result"]["redness"]["score"] == 12.3 and
                  set(o) == {"job", "digest", "state", "verdict", "result", "error", "also_filed"} for o in out), "each line has its keys", out[0])
        body = broker.requests[0][1]
        check((body["patient"], body["session"], body["day"], body["view"], body["lane"]) == ("P1", "S1", 3, "left", "station"),
              "the request says how it is filed", body)
        check(body["region"] == [[1, 1], [9, 1], [9, 9]], "and its region", body)
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--before", "--no-wait", "--json", photos(home, 1)[0], env=env)
        check(got.returncode == 0 and lines(got)[0]["state"] == "accepted" and lines(got)[0]["result"] is None,
              "--no-wait ends at acceptance", got)
        check(broker.requests[-1][1]["day"] == "before", "a photo before treatment", broker.requests[-1])


def said_to_a_person(home, env):
    photo = photos(home, 1)[0]
    with FakeBroker() as broker:
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--before", photo, env=env)
        check("measured, ok: kept as the photo before treatment" in got.stdout and "redness" not in got.stdout, "a photo before treatment is kept, not scored", got)
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--before", photo, env=env)
        check("was filed so already on 2026-02-27, measured, ok: kept as" in got.stdout, "the same photo filed so again is said to be known, and since when", got)
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "4", photo, env=env)
        check("measured, ok: redness 12.3 (10.0 to 14.5)" in got.stdout and "also filed under before treatment, sent 2026-02-27; if this one is wrong: rubor amend j2 " in got.stdout,
              "the same photo under another day is measured, and the other filing is told", got)
        check("filed so already" not in got.stdout, "and is not called known", got)
    with FakeBroker("lose_final") as broker:
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "4", photo, env=env)
        check(got.returncode == 0 and "already" not in got.stdout, "a photo whose answer was lost is not called known", got)


def retake(home, env):
    with FakeBroker(verdict="retake") as broker:
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "0", photos(home, 1)[0], env=env)
        check(got.returncode == 1 and "retake: Hold the camera still." in got.stdout, "a retake is exit code 1 and says why", got)
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "1", photos(home, 1)[0], env=env)
        check("Hold the camera still. The very same photo is also filed under" in got.stdout, "and where else the very same photo is filed, in a sentence of its own", got)


def one_bad_among_good(home, env):
    good = photos(home, 2)
    (home / "bad.jpg").write_text("no photo")
    with FakeBroker() as broker:
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "1", "--json", good[0], home / "bad.jpg", good[1], env=env)
        out = lines(got)
        check(got.returncode == 1 and [o["state"] for o in out] == ["done", "failed", "done"], "a bad photo does not stop the others", got)
        check(out[1]["error"] and "bad.jpg" in got.stderr and len(got.stderr.splitlines()) == 1, "and is named once", got.stderr)
        check(len(broker.jobs) == 2, "and is not sent", broker.jobs)


def busy(home, env):
    with FakeBroker("busy_once") as broker:
        expect("a busy broker is waited for", 0, None, "submit", "--endpoint", broker.endpoint, *VISIT, "--day", "1", photos(home, 1)[0],
               env=env)


def lost_final(home, env):
    with FakeBroker("lose_final") as broker:
        got = run("submit", "--endpoint", broker.endpoint, *VISIT, "--day", "1", "--json", photos(home, 1)[0], env=env)
        check(got.returncode == 0 and lines(got)[0]["state"] == "done", "a lost FINAL is asked for by job", got)
        check(len(broker.jobs) == 1 and [r[0] for r in broker.requests] == ["analyze", "result"], "and the photo is not sent again",
              [r[0] for r in broker.requests])


def garbage(home, env):
    with FakeBroker("garbage") as broker:
        expect("garbage before the answer is passed over", 0, None, "submit", "--endpoint", broker.endpoint, *VISIT, "--day", "1",
               photos(home, 1)[0], env=env)
        check(len(broker.requests) == 1, "and nothing is sent twice for it", broker.requests)


def refused(home, env):
    with FakeBroker("refuse") as broker:
        expect("what the broker refuses is told", 2, "not like this", "submit", "--endpoint", broker.endpoint, *VISIT, "--day", "1",
               photos(home, 1)[0], env=env)
    with FakeBroker("fail") as broker:
        expect("a job that failed is exit code 1, whatever it failed for", 1, "the region lies outside", "submit", "--endpoint", broker.endpoint,
               *VISIT, "--day", "1", photos(home, 1)[0], env=env)


def spooled(home, env):
    spool = home / "spool"
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    got = run("submit", "--endpoint", endpoint, *VISIT, "--day", "2", "--json", *photos(home, 3), env=env)
    out = lines(got)
    check(got.returncode == 3 and [o["state"] for o in out] == ["spooled"] * 3, "without a broker all are spooled", got)
    check(len(got.stderr.splitlines()) == 3 and all("spooled in" in x for x in got.stderr.splitlines()), "and it is said", got.stderr)
    check(all(o["job"] is None and o["digest"] for o in out), "without a job", out)
    check(len(list((spool / "queue").glob("*.photo"))) == 3, "three photos wait on disk", os.listdir(spool / "queue"))
    got = run("submit", "--endpoint", endpoint, *VISIT, "--day", "2", photos(home, 1)[0], env=env)
    check(got.returncode == 3 and len(list((spool / "queue").glob("*.json"))) == 3, "the same photo is spooled once", got)
    with FakeBroker(endpoint=endpoint) as broker:
        got = run("submit", "--endpoint", endpoint, *VISIT, "--day", "3", photos(home, 1)[0], env=env)
        check(got.returncode == 0 and "sent 3 photos" in got.stderr, "the next submit sends them", got)
        check(sorted(k[2] for k in broker.jobs) == [2, 2, 2, 3], "each once, under its own day", list(broker.jobs))
        check(not os.listdir(spool / "queue"), "and the spool is empty", os.listdir(spool / "queue"))


def no_room_to_spool(home, env):
    (home / "file").write_text("in the way")
    expect("a photo that could not be spooled is said to be lost to us", 3, "not sent and not spooled", "submit", "--endpoint",
           f"tcp://127.0.0.1:{free_port()}", *VISIT, "--day", "2", "--spool", home / "file", photos(home, 1)[0], env=env)


def silent(home, env):
    with FakeBroker("silent") as broker:
        got = run("result", "--endpoint", broker.endpoint, "j1", env=env)
        check(got.returncode == 3 and len(broker.requests) == 3, "a silent broker is asked three times", (got, broker.requests))


def wrong_usage(home, env):
    photo = photos(home, 1)[0]
    for situation, words, *arguments in (
            ("submit without a patient", "--patient", "--session", "S", "--before", photo),
            ("submit without a session", "--session", "--patient", "P", "--before", photo),
            ("submit without a day", "--before or --day", *VISIT, photo),
            ("submit with two days", "exclude", *VISIT, "--before", "--day", "1", photo),
            ("submit on day 3651", "3650", *VISIT, "--day", "3651", photo),
            ("submit of nothing", "PHOTO", *VISIT, "--before"),
            ("a patient of 257 bytes", "256", "--patient", "P" * 257, "--session", "S", "--before", photo),
            ("a patient with a line break", "patient", "--patient", "P\nQ", "--session", "S", "--before", photo),
            ("a malformed endpoint", "endpoint", "--endpoint", "nowhere", *VISIT, "--before", photo)):
        expect(situation, 2, words, "submit", *arguments, env=env)


def nobody_there(home, env):
    endpoint = ("--endpoint", f"tcp://127.0.0.1:{free_port()}")
    for arguments in (("result", "j1"), ("cancel", "j1"), ("amend", "j1", "--day", "2"), ("forget", "--patient", "P", "--yes"),
                      ("session", *VISIT), ("review", *VISIT), ("status",)):
        expect(f"{arguments[0]} without a broker", 3, "no broker|reached|unreachable", arguments[0], *endpoint, *arguments[1:], env=env)
    (home / "m.csv").write_text("path,patient,session,day,view,region\nx.jpg,P,S,0,,\n")
    expect("batch without a broker", 3, "no broker", "batch", *endpoint, "--manifest", home / "m.csv", "--out", home / "o.csv", env=env)
    check(not (home / "o.csv").exists(), "and no table is left")
    expect("forget without --yes", 2, "--yes", "forget", *endpoint, "--patient", "P", env=env)


for situation in (answered, said_to_a_person, retake, one_bad_among_good, busy, lost_final, garbage, refused, spooled, no_room_to_spool, silent, wrong_usage,
                  nobody_there):
    with folder() as home:
        situation(home, environment(RUBOR_SPOOL=home / "spool", RUBOR_TIMEOUT=0.5))
finish()
