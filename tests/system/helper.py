"""What the system tests share: running the executable, small photos, a service that is always ended."""
import contextlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUBOR = os.environ.get("RUBOR") or next((str(p) for p in (ROOT / "build" / "rubor", ROOT / "build-dev" / "rubor")
                                         if p.exists()), "rubor")
failures = []


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RUBOR_")}
    clean["LSAN_OPTIONS"] = f"suppressions={ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0"
    clean.update({k: str(v) for k, v in more.items()})
    return clean


def run(*arguments, timeout=60, env=None, cwd=None):
    return subprocess.run([RUBOR, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          env=env or environment(), cwd=cwd, stdin=subprocess.DEVNULL)


def check(condition, situation, detail=""):
    if not condition:
        failures.append(situation)
        print(f"FAILED: {situation}: {detail}", file=sys.stderr)
    return condition


def expect(situation, code, error, *arguments, **options):
    """The exit code, and on stderr exactly one line that matches (error None: nothing at all)."""
    got = run(*arguments, **options)
    lines = got.stderr.splitlines()
    told = f"exit {got.returncode}, stderr {got.stderr!r}, stdout {got.stdout[:200]!r}"
    check(got.returncode == code, f"{situation}: exit code {code}", told)
    if error is None:
        check(not lines, f"{situation}: silent on stderr", told)
    else:
        check(len(lines) == 1 and re.search(error, lines[0]), f"{situation}: one line like {error!r}", told)
    return got


def finish():
    if failures:
        print(f"{len(failures)} checks failed", file=sys.stderr)
        sys.exit(1)
    print("all checks passed")


@contextlib.contextmanager
def folder():
    path = Path(tempfile.mkdtemp(prefix="rubor-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def png(width, height, color=(200, 160, 140)):
    """A flat PNG, good enough to be read."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = (b"\0" + bytes(color) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def jpeg_claiming(width, height):
    """Only the head of a JPEG: what it claims must be refused before anything is allocated."""
    return (b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) +
            b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00" + b"\0" * 64)


class Service:
    """A long-running command: started, waited for its ready line, ended with SIGTERM."""

    def __init__(self, *arguments, env=None, timeout=30, log=None):
        self.log = open(log, "w") if log else subprocess.DEVNULL
        binary = os.environ.get("RUBOR_SERVICE", RUBOR) if arguments[0] == "up" else RUBOR  # e.g. a sanitized client
        self.process = subprocess.Popen([binary, *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env=env or environment(), stdin=subprocess.DEVNULL)
        self.ready = {}
        end = time.monotonic() + timeout
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""
        while time.monotonic() < end and self.process.poll() is None:
            self.read()
            line = next((x for x in self.text.splitlines() if x.startswith("ready ")), None)
            if line and self.text.endswith("\n"):
                self.ready = dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)
                return
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"rubor {arguments[0]} did not become ready: {self.text!r}")

    def read(self):
        try:
            self.text += self.process.stdout.read() or ""
        except (BlockingIOError, TypeError):
            pass
        return self.text

    def wait_for(self, pattern, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if re.search(pattern, self.read(), re.M):
                return True
            time.sleep(0.05)
        return False

    def stop(self, number=signal.SIGTERM, timeout=20):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.read()
        if self.log is not subprocess.DEVNULL:
            self.log.close()
            self.log = subprocess.DEVNULL
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def up(data, *arguments, **options):
    return Service("up", "--data", data, "--endpoint", "tcp://127.0.0.1:*", "--worker-endpoint", "tcp://127.0.0.1:*",
                   "--http", "127.0.0.1:0", "--workers", "2", *arguments, log=Path(data).with_suffix(".log"), **options)


class Page:
    """The review page, logged in with a token."""

    def __init__(self, address, token):
        self.address = address
        with self.open("/api/login", {"token": token}) as answer:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def open(self, path, body=None):
        head = {"Content-Type": "application/json", "X-Rubor": "1"}
        if hasattr(self, "cookie"):
            head["Cookie"] = self.cookie
        data = json.dumps(body).encode() if body is not None else None
        return urllib.request.urlopen(urllib.request.Request(self.address + path, data, head), timeout=60)

    def ask(self, path, body=None):
        """(HTTP code, answer)"""
        try:
            with self.open(path, body) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)
