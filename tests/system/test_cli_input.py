#!/usr/bin/env python3
"""Bad input to the commands that need no service: one line on stderr, the right exit code, nothing half-written."""
import json
import os

from helper import check, expect, finish, folder, jpeg_claiming, png, run

COMMANDS = ("analyze calibrate sample up broker worker session submit station result cancel amend forget review batch "
            "serve status quarantine audit keygen").split()

# What each command promises to take; a check that none is dropped, and that --help tells of each.
OPTIONS = {"analyze": "baseline region control baseline-region baseline-control day profile corners edition chart-table maps json",
           "calibrate": "json overlay corners edition chart-table flat profile",
           "sample": "out seed tone days camera lamp size course", "up": "data workers endpoint worker-endpoint http keys",
           "broker": "data store endpoint worker-endpoint keys", "worker": "broker slots keys",
           "session": "endpoint keys patient session date site needle-mm device json",
           "submit": "endpoint keys patient session before day view region control profile no-wait json",
           "station": "endpoint keys spool pattern profile", "result": "endpoint keys json", "cancel": "endpoint keys",
           "amend": "endpoint keys patient session before day view withdraw", "forget": "endpoint keys patient yes unsent",
           "review": "endpoint keys patient session json html pdf csv fhir", "batch": "endpoint keys manifest out in-flight",
           "serve": "endpoint keys http", "status": "endpoint keys json", "quarantine": "endpoint keys", "audit": "data store", "keygen": "role"}


def files(home):
    """name -> (what it is, what is said about it)"""
    good = run("sample", "--out", home / "sample", "--days", "0", "--size", "640x480", "--seed", "1")
    check(good.returncode == 0, "a sample is rendered", good.stderr)
    photo = (home / "sample" / "before.jpg").read_bytes()
    (home / "empty.jpg").write_bytes(b"")
    (home / "truncated.jpg").write_bytes(photo[:len(photo) // 2])
    (home / "text.jpg").write_text("this is no photo\n" * 100)
    (home / "claims.jpg").write_bytes(jpeg_claiming(65500, 65500))
    with open(home / "huge.jpg", "wb") as huge:
        huge.write(photo)
        huge.truncate(65 * 1024 * 1024 + 1)
    (home / "folder.jpg").mkdir()
    (home / "is_png.jpg").write_bytes(png(320, 240))
    return photo


def bad_photos(home):
    for command in ("analyze", "calibrate"):
        for name, words in {
                "missing.jpg": "missing.jpg.*(No such file|not found)",
                "empty.jpg": "empty.jpg.*empty",
                "truncated.jpg": "truncated.jpg",
                "text.jpg": "text.jpg.*(JPEG|PNG|photo)",
                "claims.jpg": "claims.jpg.*65500",
                "huge.jpg": "huge.jpg.*limit",
                "folder.jpg": "folder.jpg.*directory"}.items():
            expect(f"{command} of {name}", 1, words, command, home / name)
    name = home / "two\nlines.jpg"
    expect("a file name with a line break writes one line", 1, r"two\?lines", "analyze", name)
    expect("the damaged baseline is the one named", 1, "truncated.jpg", "analyze", home / "sample" / "before.jpg", "--baseline",
           home / "truncated.jpg")


def png_named_jpg(home):
    got = run("analyze", "--json", home / "is_png.jpg")
    check(got.returncode == 1, "a flat PNG is a retake", f"exit {got.returncode} {got.stderr}")
    record = json.loads(got.stdout)
    check(record["photo"]["format"] == "png", "a PNG named .jpg is told by its bytes", record["photo"])
    check(record["quality"]["verdict"] == "retake", "and must be taken again", record["quality"])


def wrong_usage(home):
    photo = home / "sample" / "before.jpg"
    for situation, words, *arguments in (
            ("no command that exists", "no command", "measure"),
            ("no photo", "PHOTO.*missing", "analyze"),
            ("two photos", "too many", "analyze", photo, photo),
            ("an unknown option", "--bogus.*unknown", "analyze", "--bogus", photo),
            ("an option without its value", "--day", "analyze", photo, "--day"),
            ("day -1", "--day", "analyze", "--day", "-1", photo),
            ("day 3651", "--day.*3650", "analyze", "--day", "3651", photo),
            ("day 1.5", "--day", "analyze", "--day", "1.5", photo),
            ("day x", "--day", "analyze", "--day", "x", photo),
            ("a region of two points", "--region", "analyze", "--region", "1,1 5,5", photo),
            ("a region of a baseline that is not named", "--baseline", "analyze", "--baseline-region", "1,1 5,5 9,1", photo),
            ("a region of words", "--region", "analyze", "--region", "a,b c,d e,f", photo),
            ("corners that are three", "--corners.*4 points", "calibrate", "--corners", "1,1 9,1 9,9", photo),
            ("corners that are no area", "--corners|corner|quadrilateral", "calibrate", "--corners", "1,1 1,1 1,1 1,1", photo),
            ("an edition nobody printed", "--edition", "calibrate", "--edition", "2030", photo),
            ("a day that no calendar has", "--date.*calendar", "session", "--patient", "P", "--session", "S", "--date", "2026-02-30"),
            ("a flat field without a profile", "--profile", "calibrate", "--flat", photo, photo)):
        expect(situation, 2, words, *arguments)
    for command in COMMANDS:
        helped = run(command, "--help")
        check(helped.returncode == 0 and helped.stdout.startswith(f"Usage: rubor {command}") and not helped.stderr,
              f"{command} --help", helped)
        missing = [o for o in OPTIONS[command].split() if f"\n  --{o} " not in helped.stdout]
        check(not missing, f"{command} --help tells of each option", missing)
        expect(f"{command} with an unknown option", 2, "--no-such-option", command, "--no-such-option")


def nothing_half_written(home):
    photo = home / "sample" / "before.jpg"
    (home / "in_the_way").write_text("kept")
    expect("maps into a file", 1, "in_the_way", "analyze", "--maps", home / "in_the_way", photo)
    check((home / "in_the_way").read_text() == "kept", "the file in the way is untouched")
    expect("maps of a photo that is none", 1, "text.jpg", "analyze", "--maps", home / "no_maps", home / "text.jpg")
    check(not (home / "no_maps").exists(), "no folder is left for a photo that is none", os.listdir(home))
    expect("maps below a folder that is not there", 1, "nowhere", "analyze", "--maps", home / "nowhere" / "maps", photo)
    expect("an overlay into a folder that is not there", 1, "nowhere", "calibrate", "--overlay", home / "nowhere" / "o.png",
           photo)
    before = photo.read_bytes()
    os.symlink(photo, home / "same.png")
    for situation, out in (("the photo itself", photo), ("a link to it", home / "same.png")):
        expect(f"an overlay over {situation}", 2, "--overlay.*overwrite", "calibrate", "--overlay", out, photo)
        expect(f"a profile over {situation}", 2, "--profile.*overwrite", "calibrate", "--profile", out, photo)
    check(photo.read_bytes() == before, "the photo is untouched")
    expect("an overlay onto a folder", 1, "--overlay.*is a folder", "calibrate", "--overlay", home / "sample", photo)
    (home / "m.csv").write_text("path,patient,session,day\n")
    expect("a table over its manifest", 2, "--out.*overwrite", "batch", "--manifest", home / "m.csv", "--out", home / "m.csv")
    expect("a table onto a folder", 1, "--out.*is a folder", "batch", "--manifest", home / "m.csv", "--out", home / "sample")
    got = run("analyze", "--maps", home / "maps", home / "is_png.jpg")
    names = sorted(os.listdir(home / "maps"))
    wanted = {"working.png", "ei.png", "mi.png", "skin_mask.png", "erythema_mask.png", "pigment_mask.png", "overlay.png"}
    check(wanted <= set(names), "all maps of a retake", names)
    check(not [n for n in names if n.startswith(".")], "and no temporary ones", names)
    expect("a chart table that is none", 1, "text.jpg", "calibrate", "--chart-table", home / "text.jpg", photo)
    expect("a profile that is none", 1, "text.jpg", "analyze", "--profile", home / "text.jpg", photo)


def no_chart(home):
    got = run("calibrate", "--json", home / "is_png.jpg")
    check(got.returncode == 1 and len(got.stderr.splitlines()) == 1, "a photo without a chart is refused by calibrate", got)
    record = json.loads(got.stdout)
    check(record["calibration"]["status"] == "none" and record["calibration"]["chart"] is None, "and its JSON says none", record)


def good_photo(home):
    photo = home / "sample" / "before.jpg"
    got = run("calibrate", "--json", "--overlay", home / "overlay.png", photo)
    record = json.loads(got.stdout)
    check(got.returncode == 0 and record["calibration"]["status"] == "chart" and len(record["patches"]) == 24,
          "a sample's chart is found", record.get("calibration"))
    check((home / "overlay.png").read_bytes()[:4] == b"\x89PNG", "and drawn")
    got = run("analyze", "--json", "--baseline", photo, "--day", "0", home / "sample" / "day00.jpg")
    record = json.loads(got.stdout)
    for key in "schema rubor photo quality calibration skin reference region registration redness pigmentation findings flags timing_ms".split():
        check(key in record, f"the record has {key}", list(record))
    check(record["reference"] == "baseline", "it is measured against the baseline", record["quality"])


with folder() as home:
    files(home)
    bad_photos(home)
    png_named_jpg(home)
    wrong_usage(home)
    nothing_half_written(home)
    no_chart(home)
    good_photo(home)
finish()
