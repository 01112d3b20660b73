#!/usr/bin/env python3
"""docs/OPERATIONS.md followed to the letter: backup while it runs, restore, start on a copy, a damaged photo, quarantine, drain."""
import json
import os
import shutil
import sqlite3
import subprocess

from fake_worker import Worker, ask
from helper import Service, check, environment, finish, folder, png, run, up

CRASHED = 17


def submit(endpoint, number, *more):
    photo = endpoint[0] / f"photo{number}.png"
    photo.write_bytes(png(20, 20, (number, 9, 9)))
    got = run("submit", "--endpoint", endpoint[1], "--patient", f"P{number}", "--session", "S", "--before", "--json", *more, photo)
    check(got.returncode in (0, 1) and got.stdout, f"photo {number} is submitted", got)
    return json.loads(got.stdout)["job"] if got.stdout else None


def result(endpoint, job):
    got = run("result", "--endpoint", endpoint, "--json", job)
    return json.loads(got.stdout) if got.stdout else {"state": None, "error": got.stderr}


def backup(data, to):
    """As written: the database first, then the files."""
    to.mkdir(mode=0o700)
    if shutil.which("sqlite3"):
        got = subprocess.run(["sqlite3", data / "rubor.db", f".backup {to}/rubor.db"], capture_output=True, text=True)
        check(got.returncode == 0, "sqlite3 .backup works beside the service", got)
    else:
        with sqlite3.connect(data / "rubor.db") as source, sqlite3.connect(to / "rubor.db") as copy:
            source.backup(copy)


def backup_files(data, to):
    for name in ("photos", "pictures"):
        shutil.copytree(data / name, to / name)


def backup_and_restore(home):
    data, copy = home / "data", home / "copy"
    with up(data, "--noop", "--no-http") as service:
        where = (home, service.ready["endpoint"])
        kept = [submit(where, n) for n in (1, 2)]
        backup(data, copy)
        later = submit(where, 3)  # between database and files: a file without a row in the copy
        backup_files(data, copy)
        check(len(list((copy / "photos").glob("*/*"))) == 3, "the copy has a file more than rows")
        lost = submit(where, 4)
    shutil.rmtree(data)  # the machine is gone
    shutil.move(copy, data)
    with up(data, "--noop", "--no-http") as service:
        endpoint = service.ready["endpoint"]
        check(all(result(endpoint, job)["state"] == "done" for job in kept), "restored: what was backed up is there")
        check(result(endpoint, later)["state"] is None and result(endpoint, lost)["state"] is None, "what came later is not")
        again = submit((home, endpoint), 3)
        check(result(endpoint, again)["state"] == "done", "and is taken again")
        code = service.stop()
    check(code == 0, "SIGTERM ends it with 0", code)
    check(len(list((data / "photos").glob("*/*"))) == 3, "the file without a row was removed, the new one is there")
    got = run("audit", "--data", data, "verify")
    check(got.returncode == 0, "the audit is whole", got)


def damaged_photo(home):
    with Service("broker", "--data", home / "damaged", "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                 log=home / "log") as service:
        client = service.ready["endpoint"]
        job = ask(client, b"rubor.analyze", {"patient": "P", "session": "S", "day": 1, "no_wait": True}, png(9, 9))["job"]
        file = next((home / "damaged" / "photos").glob("*/*"))
        file.write_bytes(png(9, 9, (1, 1, 1)))
        with Service("worker", "--noop", "--broker", service.ready["workers"]):
            told = ask(client, b"rubor.result", {"job": job, "wait_s": 15})
        check(told["state"] == "failed" and told["error"]["name"] == "CORRUPT", "a photo that changed on disk is found and said", told)


def quarantine(home):
    """list, retry, drop; and the photo where the page says it is."""
    data = home / "quarantine"
    with Service("broker", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*", log=home / "qlog") as service:
        client = service.ready["endpoint"]
        worker = Worker(service.ready["workers"], ask(client, b"rubor.status", {})["service"]["algorithm"])
        told = ask(client, b"rubor.analyze", {"patient": "P", "session": "S", "day": 1, "no_wait": True}, png(9, 9))
        job, digest = told["job"], told["digest"]

        def die_three_times():
            for _ in range(3):
                address, head, _ = worker.job(20)
                worker.final(address, head, CRASHED, message="ended by signal 11")
            return ask(client, b"rubor.result", {"job": job, "wait_s": 10})["state"]
        env = environment(RUBOR_ENDPOINT=client)
        check(die_three_times() == "quarantined", "three deaths quarantine a job")
        listed = run("quarantine", "list", env=env)
        check(listed.returncode == 0 and job in listed.stdout, "it is listed", listed)
        photo = data / "photos" / digest[:2] / digest[2:]
        check(photo.read_bytes() == png(9, 9), "its photo is kept where the document says")
        check(run("quarantine", "retry", job, env=env).returncode == 0 and die_three_times() == "quarantined", "retry begins anew")
        service.process.kill()
        service.process.wait()
    with Service("broker", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*") as service:
        env = environment(RUBOR_ENDPOINT=service.ready["endpoint"])
        check(job in run("quarantine", "list", env=env).stdout, "a quarantine outlives a crash")
        check(run("quarantine", "drop", job, env=env).returncode == 0, "drop")
        check(not photo.exists() and job not in run("quarantine", "list", env=env).stdout, "removes filing and photo")
        got = run("quarantine", "drop", job, env=env)
        check(got.returncode == 1 and len(got.stderr.splitlines()) == 1, "once", got)


def wrong_database(home):
    """Photos beside a database that does not know them are never taken for what a crash left."""
    data = home / "data"
    arguments = ("broker", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*")
    (home / "aside").mkdir()
    for name in ("rubor.db", "rubor.db-wal", "rubor.db-shm"):
        if (data / name).exists():
            shutil.move(data / name, home / "aside" / name)
    before = len(list((data / "photos").glob("*/*")))
    for _ in range(2):
        got = run(*arguments)
        check(got.returncode == 1 and "unknown to rubor.db" in got.stderr and len(got.stderr.splitlines()) == 1,
              "a start without the database is refused, and started again as well", got)
    check(len(list((data / "photos").glob("*/*"))) == before, "and no photo is removed")
    (data / "rubor.db").unlink()
    for name in os.listdir(home / "aside"):
        shutil.move(home / "aside" / name, data / name)
    for n in range(200):
        (data / "photos" / "ab" / f"{n:062x}").write_bytes(b"photos that came after the backup")
    got = run(*arguments)
    check(got.returncode == 1 and "200 photos" in got.stderr, "as is one with the database of a backup and many newer photos", got)
    check(len(list((data / "photos").glob("*/*"))) == before + 200, "and no photo is removed")
    for n in range(100, 200):
        (data / "photos" / "ab" / f"{n:062x}").unlink()
    with Service(*arguments):
        check(len(list((data / "photos").glob("*/*"))) == before, "what a crash can leave is removed")


def second_broker_and_newer_store(home):
    data = home / "data"
    with Service("broker", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*"):
        got = run("broker", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*")
        check(got.returncode == 1 and "another broker" in got.stderr, "a second broker on a store is refused", got)
    with sqlite3.connect(data / "rubor.db") as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute(f"PRAGMA user_version = {version + 1}")
    got = run("broker", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*")
    check(got.returncode == 1 and "newer version" in got.stderr and len(got.stderr.splitlines()) == 1, "a newer store is left alone", got)
    with sqlite3.connect(data / "rubor.db") as db:  # version 1, as first released: without the index of version 2, the counter of 3, the headlines of 4
        db.execute("DROP INDEX audit_forgotten")
        for trigger in ("job_added", "job_changed", "filing_changed"):
            db.execute(f"DROP TRIGGER {trigger}")
        for table in ("changes", "revisions", "summaries"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 1")
    with up(data, "--noop", "--no-http") as service:
        submit((home, service.ready["endpoint"]), 7)
    with sqlite3.connect(data / "rubor.db") as db:
        check(db.execute("PRAGMA user_version").fetchone()[0] == version, "an older store is brought up to date")


with folder() as home:
    os.umask(0o077)
    backup_and_restore(home)
    damaged_photo(home)
    quarantine(home)
    wrong_database(home)
    second_broker_and_newer_store(home)
finish()
