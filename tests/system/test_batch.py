#!/usr/bin/env python3
"""`rubor batch` against a fake broker: order, bounds, bad rows, a second run, a broker that goes away."""
import csv
import hashlib
import re
import signal
import subprocess
import time

from fake_broker import FakeBroker
from helper import RUBOR, check, environment, expect, finish, folder, png, run


def manifest(home, rows, end="\n", header="path,patient,session,day,view,region"):
    path = home / "m.csv"
    path.write_bytes((end.join([header, *rows]) + end).encode())
    return path


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def good_and_bad_rows(home, env):
    for i in range(4):
        (home / f"p{i}.png").write_bytes(png(64, 48, (200, 100 + i, 90)))
    (home / "bad, one.jpg").write_text("no photo")
    path = manifest(home, ["p0.png,P1,S1,0,,", "p1.png,P1,S1,before,front,", '"bad, one.jpg",P1,S1,1,,', "p2.png,P1,S1,soon,,",
                           "missing.png,P1,S1,2,,", 'p3.png,P1,S1,3,left,"1,1 9,1 9,9"', "short,row"], "\r\n")
    with FakeBroker() as broker:
        got = run("batch", "--endpoint", broker.endpoint, "--manifest", path, "--out", home / "o.csv", "--in-flight", "2", env=env)
        out = table(home / "o.csv")
        check(got.returncode == 1 and len(out) == 7, "failures are listed and not fatal", got)
        check([r["state"] for r in out] == ["done", "done", "failed", "failed", "failed", "done", "failed"], "each row has its state", out)
        check(out[2]["path"] == "bad, one.jpg" and "bad, one.jpg" in out[2]["error"], "the table repeats the manifest's columns", out[2])
        check("soon" in out[3]["error"] and "missing.png" in out[4]["error"], "and says why", out)
        check(out[0]["redness.score"] == "12.30" and out[0]["redness.interval95.1"] == "14.50" and out[0]["verdict"] == "ok",
              "with the numbers of the record", out[0])
        check(out[2]["redness.score"] == "", "and none where there is none", out[2])
        check(list(out[0])[:11] == "path,patient,session,day,view,region,state,verdict,error,algorithm,digest".split(","),
              "in the agreed order", list(out[0])[:12])
        check(broker.order[0][2] == "before", "photos before treatment go first", broker.order)
        check(all(f"line {n}:" in got.stderr for n in (4, 5, 6, 8)), "the failures are told by line", got.stderr)
        check(all(b["lane"] == "batch" for v, b in broker.requests if v == "analyze"), "in the batch lane", broker.requests)
        jobs, sent = dict(broker.jobs), broker.bytes
        check(sent == sum((home / f"p{i}.png").stat().st_size for i in (0, 1, 3)), "each photo is sent once", sent)
        again = run("batch", "--endpoint", broker.endpoint, "--manifest", path, "--out", home / "o2.csv", env=env)
        check(broker.jobs == jobs and "3 already done" in again.stderr, "a second run makes no job", again.stderr)
        check(table(home / "o2.csv") == out, "and gives the same table")
        check(broker.bytes == sent, "and sends no photo", broker.bytes - sent)


def wrong_manifests(home, env):
    with FakeBroker() as broker:
        endpoint = ("--endpoint", broker.endpoint)
        expect("a manifest that is not there", 1, "nowhere.csv", "batch", *endpoint, "--manifest", home / "nowhere.csv", env=env)
        expect("a manifest without a column", 2, "session", "batch", *endpoint, "--manifest",
               manifest(home, ["a"], header="path,patient,day"), env=env)
        expect("no manifest", 2, "--manifest", "batch", *endpoint, env=env)
        expect("an in-flight of 0", 2, "--in-flight", "batch", *endpoint, "--manifest", home / "m.csv", "--in-flight", "0", env=env)
        got = run("batch", *endpoint, "--manifest", manifest(home, []), "--out", home / "o.csv", env=env)
        check(got.returncode == 0 and table(home / "o.csv") == [], "an empty manifest is an empty table", got)
        got = run("batch", *endpoint, "--manifest", home / "m.csv", "--out", home / "nowhere" / "o.csv", env=env)
        check(got.returncode == 1 and "nowhere" in got.stderr.splitlines()[-1], "a table that cannot be written is said", got)


def odd_manifests(home, env):
    """Byte order mark, CRLF, quotes, columns of one's own in another order, the same line twice, paths relative to the manifest."""
    (home / "sub").mkdir()
    (home / "sub" / 'a "b", c.png').write_bytes(png(64, 48, (200, 1, 90)))
    (home / "here.png").write_bytes(png(64, 48, (200, 2, 90)))
    (home / "sub" / "here.png").write_bytes(png(64, 48, (200, 3, 90)))
    (home / "only-here.png").write_bytes(png(64, 48, (200, 4, 90)))
    path = home / "sub" / "m.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(["remark,day,session,patient,path", '"two\nlines",0,S,P,"a ""b"", c.png"', ",1,S,P,here.png",
                                                     ",1,S,P,here.png", ",2,S,P,only-here.png", ",3,S,P,"]).encode())
    with FakeBroker() as broker:
        got = run("batch", "--endpoint", broker.endpoint, "--manifest", "sub/m.csv", "--out", home / "o.csv", env=env, cwd=home)
        out = table(home / "o.csv")
        check([r["state"] for r in out] == ["done"] * 4 + ["failed"], "an odd manifest is read", (got.stderr, out))
        check(out[0]["remark"] == "two\nlines" and list(out[0])[:6] == ["remark", "day", "session", "patient", "path", "state"],
              "columns stay as they are", list(out[0])[:6])
        check(out[1]["digest"] == hashlib.sha256((home / "sub" / "here.png").read_bytes()).hexdigest(), "a path is taken from the manifest's folder",
              out[1])
        check(out[1] == out[2] and len(broker.jobs) == 3, "the same line twice is one job", out)
        check("line 7" in got.stderr and "path is empty" in got.stderr, "an empty path is told by its line", got.stderr)


def stopped_by_hand(home, env):
    """Ctrl-C: no half table, a sentence, and the next run does the rest without sending anything twice."""
    rows = []
    for i in range(20):
        (home / f"p{i}.png").write_bytes(png(64, 48, (200, 100 + i, 91)))
        rows.append(f"p{i}.png,P1,S1,{i},,")
    path = manifest(home, rows)
    with FakeBroker() as broker:
        broker.silent_after = 5
        arguments = ["batch", "--endpoint", broker.endpoint, "--manifest", path, "--out", home / "o.csv", "--in-flight", "1"]
        process = subprocess.Popen([RUBOR, *map(str, arguments)], env=env, stderr=subprocess.PIPE, text=True)
        while len(broker.jobs) < 5:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
        check(process.returncode == 1 and re.search("stopped after [45] of 20; start the batch again", said), "Ctrl-C is answered", said)
        check(not (home / "o.csv").exists(), "and leaves no half table")
        broker.silent_after, first = None, broker.bytes
        got = run(*arguments, env=env)
        check(got.returncode == 0 and len(table(home / "o.csv")) == 20, "the next run does the rest", got)
        check(broker.bytes == sum((home / f"p{i}.png").stat().st_size for i in range(20)), "each photo travelled once", (first, broker.bytes))


def killed_and_run_again(home, env):
    rows = []
    for i in range(30):
        (home / f"p{i}.png").write_bytes(png(64, 48, (200, 100 + i, 90)))
        rows.append(f"p{i}.png,P1,S1,{i},,")
    path = manifest(home, rows)
    with FakeBroker() as broker:
        broker.silent_after = 5
        arguments = [RUBOR, "batch", "--endpoint", broker.endpoint, "--manifest", str(path), "--out", str(home / "o.csv"), "--in-flight", "1"]
        process = subprocess.Popen(arguments, env=env, stderr=subprocess.DEVNULL)
        while len(broker.jobs) < 5:
            time.sleep(0.005)
        process.kill()
        process.wait()
        broker.silent_after = None
        check(not (home / "o.csv").exists(), "a killed run leaves no half table")
        got = subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=60)
        check(got.returncode == 0 and len(broker.jobs) == 30, "the next run does the rest", got.stderr)
        check(len(table(home / "o.csv")) == 30, "and writes the whole table")


def broker_goes_away(home, env):
    for mode in ("gone", "silent"):
        rows = []
        for i in range(6):
            (home / f"p{i}.png").write_bytes(png(64, 48, (200, 100 + i, 90)))
            rows.append(f"p{i}.png,P1,S1,{i},,")
        broker = FakeBroker("slow")
        process = subprocess.Popen([RUBOR, "batch", "--endpoint", broker.endpoint, "--manifest", str(manifest(home, rows)), "--out",
                                    str(home / "o.csv")], env={**env, "RUBOR_TIMEOUT": "0.2"}, stderr=subprocess.PIPE, text=True)
        while not broker.jobs:
            time.sleep(0.005)
        if mode == "gone":
            broker.stop()
        broker.mode = "silent"
        said = process.communicate(timeout=40)[1]
        check(process.returncode == 3 and "start the batch again" in said, f"a broker that is {mode} ends the batch with exit code 3", said)
        check(not (home / "o.csv").exists(), "without a table")
        if mode != "gone":
            broker.stop()


for situation in (good_and_bad_rows, wrong_manifests, odd_manifests, stopped_by_hand, killed_and_run_again, broker_goes_away):
    with folder() as home:
        situation(home, environment(RUBOR_TIMEOUT=2))
finish()
