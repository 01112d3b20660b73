#!/usr/bin/env python3
"""Functions and words that do not belong in the project, files that grew too long, and things that must not be
committed."""
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
ROOMS = ["imaging", "calibration", "samples", "analyzer", "protocol", "store", "broker", "workers", "clients"]
LINES = 800

# function: why not
BANNED = {
    "strcpy": "has no bound", "strcat": "has no bound", "sprintf": "has no bound", "vsprintf": "has no bound",
    "gets": "has no bound", "atoi": "tells no error", "atol": "tells no error", "atof": "tells no error",
    "strtok": "keeps hidden state", "tmpnam": "is a race", "mktemp": "is a race", "alloca": "has no bound",
}
# Libraries neither print nor exit; the broker and the workers log to stderr through one function each.
PRINTING = r"(?:printf|vprintf|puts|putchar|perror|exit|abort|quick_exit)\s*\(|f(?:printf|puts|putc)\s*\([^;]*\b(?:stdout|stderr)\b"
LOGGING = {"broker", "workers"}
# Written in two parts so that this file passes its own check.
WORDS = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "st" + "ub", "place" + "holder", "lorem" + " ipsum"]
PLACES = ["/wo" + "rk/", "/tmp/" + "w-", "/ho" + "me/"]

failures = []


def strip(text, strings):
    """Blanks comments (and string literals), keeping the lines."""
    def blank(match):
        piece = match[0]
        if piece.startswith("/") or (strings and piece[0] in "\"'"):
            return re.sub(r"[^\n]", " ", piece)
        return piece
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def fail(path, text, match, reason):
    line = text.count("\n", 0, match.start()) + 1 if match else 1
    failures.append(f"{path.relative_to(SOURCE)}:{line}: {reason}")


def tracked():
    """Committed files, and new ones that are not ignored; without git, everything outside build directories."""
    git = subprocess.run(["git", "-C", str(SOURCE), "ls-files", "-co", "--exclude-standard", "-z"],
                         capture_output=True, check=False)
    if git.returncode == 0:
        names = [name for name in git.stdout.decode().split("\0") if name]
        return [SOURCE / name for name in names if (SOURCE / name).is_file()]
    return [path for path in SOURCE.rglob("*")
            if path.is_file() and not re.match(r"build|\.|demo", path.relative_to(SOURCE).parts[0])]


def check_c(path, text):
    code = strip(text, strings=True)
    for name, reason in BANNED.items():
        for match in re.finditer(rf"\b{name}\s*\(", code):
            fail(path, code, match, f"{name} {reason}")
    room = path.relative_to(SOURCE).parts[0]
    if room in ROOMS and room != "clients" and path.name != "main.c":
        for match in re.finditer(rf"(?<![\w_]){PRINTING}", code):
            if room in LOGGING and "stderr" in match[0]:
                continue
            fail(path, code, match, f"a library neither prints nor exits: {match[0].split('(')[0].strip()}")


def check_text(path, text):
    for word in WORDS:
        for match in re.finditer(rf"\b{word}\b(?!\s*=)", text):  # an HTML attribute of that name is fine
            fail(path, text, match, f'the word "{word}": finish it, or say what is missing in an error or the docs')
    for place in PLACES:
        for match in re.finditer(re.escape(place), text):
            fail(path, text, match, f'"{place}" is a folder of one machine')


def main():
    count = 0
    for path in tracked():
        name = path.relative_to(SOURCE)
        if path.suffix.lower() in (".jpg", ".jpeg", ".heic", ".tif", ".tiff"):
            failures.append(f"{name}: photographs are not committed")
        if path.suffix not in (".c", ".h", ".py", ".sh", ".cmake", ".js", ".css", ".sql") and "scripts" not in name.parts:
            continue
        count += 1
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > LINES:
            failures.append(f"{name}: {text.count(chr(10))} lines; at most {LINES}")
        check_text(path, text)
        if path.suffix in (".c", ".h"):
            check_c(path, text)
    for text in failures:
        print(text)
    print(f"{count} files, {len(failures)} findings")
    sys.exit(1 if failures or not count else 0)


main()
