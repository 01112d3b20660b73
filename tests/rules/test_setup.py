#!/usr/bin/env python3
"""Every library that CMake looks for is installed by scripts/setup: a fresh machine builds without a second try."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if not shutil.which("dpkg") or not shutil.which("pkg-config"):
    print("skipped: not a Debian machine")
    sys.exit(77)

setup = (ROOT / "scripts" / "setup").read_text()
cmake = (ROOT / "cmake" / "Dependencies.cmake").read_text()
failures = 0
modules = re.findall(r"pkg_(?:check|search)_modules\(\w+ REQUIRED IMPORTED_TARGET ([^)]+)\)", cmake)
for names in modules:
    owners = set()
    for module in names.split():
        got = subprocess.run(["pkg-config", "--variable=pcfiledir", module], capture_output=True, text=True)
        if got.returncode:
            continue
        file = f"{got.stdout.strip()}/{module}.pc"
        owner = subprocess.run(["dpkg", "-S", file], capture_output=True, text=True).stdout
        owners.add(re.sub(r":.*", "", owner.strip()) if owner else f"no package of {file}")
    # a package like libjpeg-dev stands for the one that has the file
    known = {o for o in owners if re.search(rf"(?<![\w-]){re.escape(o)}(?![\w-])", setup)}
    virtual = {o for o in owners - known for d in re.findall(r"[\w.+-]+-dev\b", setup)
               if o in subprocess.run(["dpkg-query", "-W", "-f=${Depends}", d], capture_output=True, text=True).stdout}
    if not owners or owners - known - virtual:
        failures += 1
        print(f"FAILED: {names}: {', '.join(sorted(owners)) or 'no pkg-config file'} is not in scripts/setup", file=sys.stderr)
if len(modules) < 10:
    failures += 1
    print("FAILED: cmake/Dependencies.cmake was not read", file=sys.stderr)
sys.exit(1 if failures else 0)
