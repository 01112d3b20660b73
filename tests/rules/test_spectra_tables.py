"""The committed calibration/spectra_tables.c is what make_tables.py writes from the committed CSV files."""
import os
import subprocess
import sys
import tempfile

source = os.environ.get("RUBOR_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
room = os.path.join(source, "calibration")
with tempfile.TemporaryDirectory() as folder:
    fresh = os.path.join(folder, "tables.c")
    subprocess.run([sys.executable, os.path.join(room, "tables", "make_tables.py"), fresh], check=True)
    with open(fresh) as one, open(os.path.join(room, "spectra_tables.c")) as other:
        if one.read() != other.read():
            sys.exit("calibration/spectra_tables.c differs: run python3 calibration/tables/make_tables.py")
print("tables match")
