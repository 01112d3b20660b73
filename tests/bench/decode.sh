#!/usr/bin/env bash
# Decoding to the working size against libjpeg-turbo alone (in the same process) and against djpeg where it is
# installed (package libjpeg-turbo-progs). Arguments: JPEG files (none: a made-up picture of 24 megapixels).
# RUBOR_BUILD names the build directory (default: build); use a release build.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
build=${RUBOR_BUILD:-$source/build}
cmake --build "$build" --target bench_decode >/dev/null
"$build/bench_decode" "$@"
command -v djpeg >/dev/null || { echo "djpeg is not installed: its own figures are left out"; exit 0; }
for photo in "$@"; do
  for scale in 1/2 1/1; do
    best=$(for _ in 1 2 3 4 5; do
      { TIMEFORMAT=%U; time djpeg -scale "$scale" -outfile /dev/null "$photo"; } 2>&1
    done | sort -n | head -1)
    echo "djpeg -scale $scale $(basename "$photo"): $best s of user time"
  done
done
