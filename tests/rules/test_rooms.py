#!/usr/bin/env python3
"""A room may use only rooms to its left (docs/ARCHITECTURE.md), and only the libraries it is given.

Reads the #include lines, and the symbols of the built static libraries, because a declaration written by hand
or a header found by way of a system include path would get past the first check alone.
RUBOR_BUILD names the build directory (default: build)."""
import os
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("RUBOR_BUILD", SOURCE / "build"))

# What each room may include, its own headers aside.
ROOMS = {
    "imaging": [],
    "calibration": ["imaging"],
    "samples": ["imaging", "calibration"],
    "analyzer": ["imaging", "calibration"],
    "protocol": ["imaging", "calibration", "analyzer"],
    "store": ["imaging", "calibration", "analyzer", "protocol"],
    "broker": ["imaging", "calibration", "analyzer", "protocol", "store"],
    "workers": ["imaging", "calibration", "analyzer", "protocol", "store"],
    "clients": ["imaging", "calibration", "samples", "analyzer", "protocol", "store", "broker", "workers"],
}

# library: (headers, symbols, rooms that may use it)
LIBRARIES = {
    "libjpeg": (r"(jpeglib|jerror|jmorecfg|jpegint|turbojpeg)\.h", r"(jpeg_|tj[A-Z])", ["imaging"]),
    "libpng": (r"png\w*\.h", r"png_", ["imaging"]),
    "lcms2": (r"lcms2\w*\.h", r"cms[A-Z]", ["imaging"]),
    "libexif": (r"libexif/.*", r"exif_", ["imaging"]),
    "jansson": (r"jansson\w*\.h", r"json_(?!c_)", ["calibration", "samples", "clients"]),
    "FFT": (r"kiss_fft\w*\.h|kissfft/.*", r"kiss_fft", ["analyzer"]),
    "msgpack-c": (r"msgpack\.h|msgpack/.*", r"msgpack_", ["protocol"]),
    "SQLite": (r"sqlite3\w*\.h", r"sqlite3_", ["store"]),
    "libpq": (r"libpq-fe\.h|libpq/.*|postgresql/.*", r"PQ[a-z]", ["store"]),
    "ZeroMQ": (r"zmq\w*\.h", r"zmq_", ["broker", "workers", "clients"]),
    "libsodium": (r"sodium\w*\.h|sodium/.*", r"(crypto_|sodium_|randombytes)", ["store", "broker", "workers", "clients"]),
    "Nettle": (r"nettle/.*", r"_?nettle_", ["imaging"]),
    "libseccomp": (r"seccomp\.h", r"seccomp_", ["workers"]),
    "libsystemd": (r"systemd/.*", r"sd_[a-z]", ["broker", "workers", "clients"]),
    "libmicrohttpd": (r"microhttpd\.h", r"MHD_", ["broker", "clients"]),
    "cairo": (r"cairo\S*\.h", r"cairo_", ["clients"]),
    "popt": (r"popt\.h", r"popt", ["clients"]),
}

STANDARD = re.compile(
    r"(assert|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic|"
    r"stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|threads|time|wchar|aio|dirent|dlfcn|fcntl|fnmatch|"
    r"ftw|glob|grp|langinfo|libgen|malloc|netdb|poll|pthread|pwd|regex|sched|search|semaphore|spawn|strings|syslog|"
    r"termios|unistd|utime|immintrin|endian|byteswap|getopt|(sys|netinet|arpa|net|linux)/\w+)\.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
failures = []


def fail(text):
    failures.append(text)


def room_sources(room):
    return sorted(path for path in (SOURCE / room).rglob("*") if path.suffix in (".c", ".h"))


def check_quoted(room, place, header):
    target = header.split("/")[0]
    if "/" not in header or target not in ROOMS:
        fail(f'{place}: "{header}" is not written as "room/header.h"')
    elif target != room and target not in ROOMS[room]:
        fail(f'{place}: room {room} may not include from {target} ("{header}")')
    elif not (SOURCE / header).is_file():
        fail(f'{place}: "{header}" does not exist')


def check_system(room, place, header):
    for library, (headers, _, rooms) in LIBRARIES.items():
        if re.fullmatch(headers, header):
            if room not in rooms:
                fail(f"{place}: room {room} may not use {library} (<{header}>)")
            return
    if header.split("/")[0] in ROOMS:
        fail(f"{place}: <{header}> is a header of this project; include it with quotes")
    elif not STANDARD.fullmatch(header):
        fail(f"{place}: <{header}> is neither a standard header nor of a library in the table of {Path(__file__).name}")


def check_includes():
    count = 0
    for room in ROOMS:
        for path in room_sources(room):
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                count += 1
                place = f"{path.relative_to(SOURCE)}:{text.count(chr(10), 0, match.start(2)) + 1}"
                check = check_quoted if match[1] == '"' else check_system
                check(room, place, match[2])
    return count


def nm(archive, option):
    """{symbol: object file} of an archive."""
    output = subprocess.run(["nm", "-A", "-g", option, archive], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in output.splitlines():
        left, symbol = line.rsplit(" ", 1)
        found[symbol] = left.split(":")[1]
    return found


def check_symbols():
    defined, undefined = {}, {}
    for room in ROOMS:
        archive = BUILD / room / f"librubor_{room}.a"
        if archive.is_file():
            defined[room] = nm(archive, "--defined-only")
            undefined[room] = nm(archive, "--undefined-only")
        elif any(path.suffix == ".c" and path.name != "main.c" for path in room_sources(room)) and room != "clients":
            fail(f"{archive} is missing; build first, or name the build directory in RUBOR_BUILD")
    owner = {}
    for room, symbols in defined.items():
        for symbol, member in symbols.items():
            if symbol.startswith("_"):
                continue  # the compiler's and the sanitizers'
            if not symbol.startswith("rubor_"):
                fail(f"{room}/{member}: exported symbol {symbol} has no rubor_ prefix; make it static or rename it")
            if symbol in owner:
                fail(f"{symbol} is defined in {owner[symbol]} and in {room}")
            owner[symbol] = room
    for room, symbols in undefined.items():
        for symbol, member in symbols.items():
            home = owner.get(symbol)
            if home and home != room and home not in ROOMS[room]:
                fail(f"{room}/{member}: uses {symbol}, which is defined in {home}")
            if symbol.startswith("rubor_"):
                if not home and not symbol.startswith("rubor_main"):
                    fail(f"{room}/{member}: uses {symbol}, which no room defines")
                continue
            for library, (_, prefix, rooms) in LIBRARIES.items():
                if re.match(prefix, symbol) and room not in rooms:
                    fail(f"{room}/{member}: room {room} may not use {library} ({symbol})")
    return len(owner)


def main():
    includes, symbols = check_includes(), check_symbols()
    for text in failures:
        print(text)
    print(f"{includes} includes, {symbols} exported symbols, {len(failures)} against the rules")
    sys.exit(1 if failures or not includes or not symbols else 0)


main()
