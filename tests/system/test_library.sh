#!/usr/bin/env bash
# librubor as a developer finds it: installed, each header compiles on its own, the example builds with pkg-config alone and says
# what `rubor analyze` says, and nothing but rubor_* is exported.
set -euo pipefail
case "$RUBOR_BUILD" in *asan*|*tsan*) echo "skipped: a sanitized library does not link into a plain program"; exit 77 ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

cmake --install "$RUBOR_BUILD" --prefix "$folder/usr" > "$folder/log"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$folder/usr" -name rubor.pc)")
prefix=(--define-variable=prefix="$folder/usr")
read -ra flags <<< "$(pkg-config "${prefix[@]}" --cflags rubor)"
read -ra libraries <<< "$(pkg-config "${prefix[@]}" --libs rubor)"

for header in $(cd "$folder/usr/include/rubor" && find . -name '*.h' -printf '%P\n'); do
  echo "#include \"$header\"" | cc -std=c17 -Wall -Wextra -Werror -pedantic "${flags[@]}" -x c -fsyntax-only - \
    || fail "$header does not compile on its own"
done

cc -std=c17 -Wall -Wextra -Werror "${flags[@]}" "$RUBOR_SOURCE/docs/measure.c" "${libraries[@]}" -o "$folder/measure" \
  || fail "the example does not build"
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$(find "$folder/usr" -name librubor.so.0)")

"$RUBOR" sample --out "$folder/photos" --seed 11 --size 900x675 --days 1 > /dev/null
said=$("$folder/measure" "$folder/photos/before.jpg" "$folder/photos/day01.jpg") || fail "the example fails: $said"
wanted=$("$RUBOR" analyze --json --baseline "$folder/photos/before.jpg" "$folder/photos/day01.jpg" | /usr/bin/python3 -c '
import json, sys
r = json.load(sys.stdin)
low, high = r["redness"]["interval95"]
print("%s: redness %.1f (%.1f to %.1f), delta_ei %.2f, pigmentation %.1f" % (r["quality"]["verdict"], r["redness"]["score"], low, high,
                                                                             r["redness"]["delta_ei"], r["pigmentation"]["score"]))') || true
[ "$said" = "$wanted" ] || fail "the library says \"$said\", the command \"$wanted\""

"$folder/measure" "$folder/nowhere.jpg" "$folder/photos/day01.jpg" 2> "$folder/error" && fail "a missing file is no error"
grep -q nowhere.jpg "$folder/error" || fail "which file is missing is not said"
foreign=$(nm -D --defined-only "$LD_LIBRARY_PATH/librubor.so.0" | awk '{print $3}' | grep -vE '^(rubor_|RUBOR_0)' || true)
[ -z "$foreign" ] || fail "exported besides rubor_*: $foreign"
echo "all checks passed: $said"
