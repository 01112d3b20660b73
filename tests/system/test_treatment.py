#!/usr/bin/env python3
"""One treatment from photographs to results through the real service: rendered, submitted as a camera station would, measured,
amended, forgotten; the same photos as a batch, twice."""
import csv
import json

from helper import check, environment, expect, finish, folder, run, up

VISIT = ("--patient", "P1", "--session", "S1")
DAYS = range(0, 11)


def render(home):
    got = run("sample", "--out", home / "photos", "--seed", "11", "--days", "0-10", "--size", "1200x900", timeout=240)
    check(got.returncode == 0, "a treatment is rendered", got.stderr)


def submit(home, env, *arguments):
    got = run("submit", *VISIT, "--json", *arguments, env=env, timeout=120)
    lines = [json.loads(line) for line in got.stdout.splitlines()]
    check(got.returncode in (0, 1) and len(lines) == 1 and lines[0]["state"] == "done", f"{arguments} is measured", got)
    return lines[0] if lines else {"result": None, "job": ""}


def twelve_photos(home, env):
    photos = home / "photos"
    poly = {name: (photos / f"{name}.txt").read_text().strip() for name in ("region", "control")}
    jobs = [submit(home, env, "--before", "--region", poly["region"], "--control", poly["control"], photos / "before.jpg")]
    check(jobs[0]["verdict"] != "retake", "the photo before treatment is usable", jobs[0]["result"] and jobs[0]["result"]["quality"])
    for day in DAYS:
        jobs.append(submit(home, env, "--day", day, photos / f"day{day:02}.jpg"))
    records = [j["result"] for j in jobs]
    check(all(r["reference"] == "baseline" for r in records[1:]), "each visit is measured against it",
          [(r["reference"], r["quality"]) for r in records[1:]])
    redness = [r["redness"]["delta_ei"] for r in records[1:]]
    check(None not in redness and redness[0] > redness[10] and redness[0] > 2, "redness falls over the days", redness)
    print("day  delta_ei  redness  pigmentation  verdict")
    for day, r in zip(DAYS, records[1:]):
        print(f"{day:3}  {r['redness']['delta_ei']:8}  {r['redness']['score']:7}  {r['pigmentation']['score']:12}  {r['quality']['verdict']}")
    return jobs


def ask_later(env, jobs):
    got = run("result", "--json", jobs[3]["job"], env=env)
    told = json.loads(got.stdout)
    check(got.returncode == 0 and told["state"] == "done" and told["result"] == jobs[3]["result"], "a result can be asked for later", got)
    check(set(told) >= {"job", "state", "attempts", "result", "error"}, "with its keys", list(told))


def same_again(home, env, jobs):
    again = submit(home, env, "--day", 3, home / "photos" / "day03.jpg")
    check(again["job"] == jobs[4]["job"], "the same photo filed again is the same job", (again["job"], jobs[4]["job"]))


def unknown_things(home, env):
    expect("an unknown job", 1, "unknown|not known|no job", "result", "nosuchjob", env=env)
    expect("a job that can be none", 1, "no job", "result", "../etc/passwd", env=env)
    expect("cancel of an unknown job", 1, "unknown|not known|no job", "cancel", "nosuchjob", env=env)
    expect("amend of an unknown job", 1, "unknown|not known|no job", "amend", "nosuchjob", "--day", "3", env=env)
    expect("review of an unknown patient", 1, "P9", "review", "--patient", "P9", "--session", "S1", env=env)
    photo = home / "photos" / "day00.jpg"
    (home / "cut.jpg").write_bytes(photo.read_bytes()[:20000])
    got = run("submit", *VISIT, "--day", "1", "--view", "left", "--json", home / "cut.jpg", env=env)
    line = json.loads(got.stdout)
    check(got.returncode == 1 and line["state"] == "failed" and line["error"] and line["result"] is None, "a truncated photo fails for good", got)
    check(len(got.stderr.splitlines()) == 1 and "cut.jpg" in got.stderr, "and is named", got.stderr)
    got = run("submit", *VISIT, "--day", "1", "--profile", "nosuchprofile", "--view", "left", "--json", photo, env=env)
    check(got.returncode in (1, 2) and "nosuchprofile" in got.stderr, "an unknown profile is told", got)


def session_data(env):
    got = run("session", *VISIT, "--date", "2026-11-02", "--site", "left cheek", "--needle-mm", "1.5", "--device", "D", "--json", env=env)
    told = json.loads(got.stdout)
    check(got.returncode == 0 and told["site"] == "left cheek" and told["needle_mm"] == 1.5, "what is known of a session is kept", got)
    check(json.loads(run("session", *VISIT, "--json", env=env).stdout)["date"] == "2026-11-02", "and shown")
    expect("a date that is none", 2, "--date|date", "session", *VISIT, "--date", "2026-13-40", env=env)


def wrong_day(home, env, jobs):
    photo = home / "photos" / "day05.jpg"
    filed = submit(home, env, "--day", 15, photo)
    got = run("amend", filed["job"], "--day", "16", env=env)
    check(got.returncode == 0 and "filed anew as job" in got.stdout, "a photo is filed under the right day", got)
    anew = got.stdout.split()[-1] if got.stdout else ""
    got = run("result", "--wait", "60", "--json", anew, env=env)
    check(json.loads(got.stdout or "{}").get("state") == "done", "and measured anew", got)
    old = json.loads(run("result", "--json", filed["job"], env=env).stdout)
    check(old["superseded_by"] == anew and not old["current"], "the old job says so", old)


def count_jobs(env):
    status = json.loads(run("status", "--json", env=env).stdout)
    return sum(status["jobs"][k] for k in ("queued", "running", "done", "failed", "quarantined"))


def batch_twice(home, env):
    with open(home / "m.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("path,patient,session,day,view,region".split(","))
        for day in (2, 1, 0):
            writer.writerow([f"photos/day{day:02}.jpg", "P2", "S1", day, "", ""])
        writer.writerow(["photos/before.jpg", "P2", "S1", "before", "", (home / "photos" / "region.txt").read_text().strip()])
    first = run("batch", "--manifest", home / "m.csv", "--out", home / "o1.csv", env=env, timeout=120)
    check(first.returncode == 0 and "4 measured, 0 already done" in first.stderr, "a batch is measured", first)
    jobs = count_jobs(env)
    second = run("batch", "--manifest", home / "m.csv", "--out", home / "o2.csv", env=env, timeout=120)
    check(second.returncode == 0 and "0 measured, 4 already done" in second.stderr, "the second run does nothing", second)
    check(count_jobs(env) == jobs, "and makes no job", (jobs, count_jobs(env)))
    check((home / "o1.csv").read_text() == (home / "o2.csv").read_text(), "and gives the same table")
    rows = list(csv.DictReader(open(home / "o1.csv", newline="")))
    check(all(r["state"] == "done" for r in rows) and float(rows[2]["redness.delta_ei"]) > 2, "with the numbers", rows[2])


def every_session(env):
    got = run("review", env=env)
    lines = got.stdout.splitlines()
    check(got.returncode == 0 and lines[0].startswith("urgency") and len(lines) >= 3, "every session is listed", got)
    told = json.loads(run("review", "--json", env=env).stdout)
    rank = [("look", "care", "none").index(one["urgency"]) for one in told]
    check(rank == sorted(rank) and len(told) == len(lines) - 1, "the most urgent first", told)
    for one in told:
        alone = json.loads(run("review", "--patient", one["patient"], "--session", one["session"], "--json", env=env).stdout)["summary"]
        check((alone["urgency"], alone["headline"]) == (one["urgency"], one["headline"]), "in the words of its own review", (alone, one))
    check({one["patient"] for one in json.loads(run("review", "--patient", "P2", "--json", env=env).stdout)} == {"P2"}, "or of one patient only")
    expect("a patient without a session", 1, "P9 has no session", "review", "--patient", "P9", env=env)
    expect("a file of all sessions", 2, "--session", "review", "--patient", "P2", "--html", "x.html", env=env)


def forget(env):
    got = run("forget", "--patient", "P2", "--yes", env=env)
    check(got.returncode == 0 and got.stdout.startswith("forgotten:"), "a patient is forgotten", got)
    expect("a forgotten patient is unknown", 1, "P2", "review", "--patient", "P2", "--session", "S1", env=env)


with folder() as home:
    render(home)
    with up(home / "data") as service:
        env = environment(RUBOR_ENDPOINT=service.ready["endpoint"], RUBOR_SPOOL=home / "spool")
        jobs = twelve_photos(home, env)
        ask_later(env, jobs)
        same_again(home, env, jobs)
        unknown_things(home, env)
        session_data(env)
        wrong_day(home, env, jobs)
        batch_twice(home, env)
        every_session(env)
        forget(env)
        check(service.stop() == 0, "the service ends with exit code 0")
finish()
