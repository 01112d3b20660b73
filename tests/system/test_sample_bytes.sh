#!/bin/bash
# The same seed gives the same files whatever the CPU: the C library's and the JPEG library's choices of code for
# newer CPUs are switched off for the second run.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
render() {
    "$RUBOR" sample --out "$dir/$1" --seed 5 --tone brown --days 0,3 --size 640x480 --lamp FL11 --lamp2 A
}
render one
GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-SSE4_1,-SSE4_2 \
    JSIMD_FORCENONE=1 RUBOR_KERNELS=scalar render two
diff -r "$dir/one" "$dir/two"
for file in before.jpg day00.jpg day03.jpg region.txt control.txt truth.json day03_skin.png day00_findings.png; do
    test -s "$dir/one/$file" || { echo "$file is missing"; exit 1; }
done

# Bad use: one line, exit code 2, nothing written.
refused() {
    local code=0
    "$RUBOR" sample --out "$dir/bad" "$@" >"$dir/out" 2>"$dir/err" || code=$?
    test "$code" = 2 || { echo "exit code $code for $*"; exit 1; }
    test "$(wc -l <"$dir/err")" = 1 || { echo "not one line for $*"; cat "$dir/err"; exit 1; }
    test ! -e "$dir/bad" || { echo "something was written for $*"; exit 1; }
}
refused --tone purple
refused --course holiday
refused --camera shoebox
refused --lamp candle
refused --size 10x10
refused --size 1600
refused --seed -1
refused --days 5-3
refused --days 0-10,
refused --days ""
refused --delta-ei nan
touch "$dir/file"
code=0
"$RUBOR" sample --out "$dir/file" --days 0 --size 320x240 2>"$dir/err" || code=$?
test "$code" = 1 && grep -q "directory" "$dir/err"
echo "same bytes; bad use refused"
