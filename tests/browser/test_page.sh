#!/usr/bin/env bash
# labels: slow
# The review page in Debian's Chromium, driven by Playwright. Screenshots: $RUBOR_BUILD/browser/output.
# With RUBOR_SHOTS=FOLDER it instead takes the pictures of docs/ of a whole treatment and prints how soon they show.
set -euo pipefail
: "${RUBOR:?}" "${RUBOR_SOURCE:?}" "${RUBOR_BUILD:?}"
for tool in node npm chromium; do
  command -v $tool >/dev/null || { echo "skipped: no $tool (scripts/setup --tests installs it)"; exit 77; }
done
unset RUBOR_ENDPOINT RUBOR_KEYS
RUBOR=$(realpath "$RUBOR")
RUBOR_BUILD=$(realpath "$RUBOR_BUILD")

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

modules=$RUBOR_BUILD/browser
mkdir -p "$modules"
cp "$RUBOR_SOURCE"/tests/browser/package*.json "$RUBOR_SOURCE"/tests/browser/*.mjs "$modules"
if ! cmp -s "$modules/package-lock.json" "$modules/node_modules/installed"; then
  (cd "$modules" && npm ci --no-audit --no-fund --silent) || { echo "skipped: npm cannot install playwright-core"; exit 77; }
  cp "$modules/package-lock.json" "$modules/node_modules/installed"
fi

wait_ready() { # file pid
  for _ in $(seq 300); do
    grep -q '^ready ' "$1" 2>/dev/null && return 0
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  echo "not ready: $1" >&2; cat "$work"/*.log >&2 || true; return 1
}
value() { sed -n "s/^ready \(.* \)\?$2=\([^ ]*\).*/\2/p" "$1" | head -n 1; }

shots=${RUBOR_SHOTS:-}
if [ -n "$shots" ]; then
  last=10
  "$RUBOR" sample --out "$work/photos" --seed "${RUBOR_SHOTS_SEED:-7}" --course "${RUBOR_SHOTS_COURSE:-normal}" --days 0-10 --size 1600x1200
else
  last=3
  "$RUBOR" sample --out "$work/photos" --seed 11 --days 0-4 --size 1000x750
  "$RUBOR" sample --out "$work/bright" --seed 11 --days 3 --size 1000x750 --exposure 2.5
  head -c 60000 "$work/photos/day01.jpg" >"$work/damaged.jpg"
fi
"$RUBOR" up --data "$work/data" --workers 2 --endpoint 'tcp://127.0.0.1:*' --worker-endpoint 'tcp://127.0.0.1:*' \
  --http 127.0.0.1:0 >"$work/up.ready" 2>"$work/up.log" &
pids+=($!)
wait_ready "$work/up.ready" $!
RUBOR_ENDPOINT=$(value "$work/up.ready" endpoint)
export RUBOR_ENDPOINT

expired=$(printf 'e%.0s' $(seq 32)) reviewer=$(printf 'a%.0s' $(seq 32))
printf 'old admin %s 2020-01-01\nrita reviewer %s\n' "$expired" "$reviewer" >"$work/tokens"
chmod 600 "$work/tokens"
"$RUBOR" serve --http 127.0.0.1:0 --tokens "$work/tokens" >"$work/serve.ready" 2>"$work/serve.log" &
pids+=($!)
wait_ready "$work/serve.ready" $!

[ -n "$shots" ] || "$RUBOR" submit --patient P-77 --session S2 --before "$work/bright/day03.jpg" >>"$work/submit.log" 2>&1 || [ $? = 1 ]
submit() { "$RUBOR" submit --patient P-77 --session S1 "$@" >>"$work/submit.log" 2>&1 || [ $? = 1 ]; }
"$RUBOR" session --patient P-77 --session S1 --date 2026-11-02 --site "left cheek" >/dev/null
submit --before --region "$(cat "$work/photos/region.txt")" --control "$(cat "$work/photos/control.txt")" "$work/photos/before.jpg"
for day in $(seq 0 $last); do submit --day "$day" "$(printf '%s/photos/day%02d.jpg' "$work" "$day")"; done
if [ -z "$shots" ]; then
  submit --before --view side "$work/photos/before.jpg"
  "$RUBOR" submit --patient P-77 --session S0 --before "$work/photos/before.jpg" >>"$work/submit.log" 2>&1
  "$RUBOR" submit --patient P-77 --session S0 --day 1 "$work/photos/day02.jpg" >>"$work/submit.log" 2>&1 || [ $? = 1 ]
fi

if [ -n "$shots" ]; then
  mkdir -p "$shots"
  "$RUBOR" review --patient P-77 --session S1 --html "$work/review.html" --pdf "$shots/review.pdf"
  ls -l "$work/review.html"
  cd "$modules"
  PAGE=$(value "$work/up.ready" http) TOKEN=$(value "$work/up.ready" token) PATIENT=P-77 SESSION=S1 \
    SHOTS=$(realpath "$shots") HTML=$work/review.html timeout 240 node shots.mjs
  exit
fi

"$RUBOR" review --patient P-77 --session S1 --html "$work/review.html" >/dev/null
cd "$modules"
PAGE=$(value "$work/up.ready" http) TOKEN=$(value "$work/up.ready" token) HTML=$work/review.html REVIEWER_PAGE=$(value "$work/serve.ready" http) \
  REVIEWER_TOKEN=$reviewer TOKENS=$work/tokens EXPIRED_TOKEN=$expired PATIENT=P-77 SESSION=S1 OUTPUT="$modules/output" \
  SUBMIT="'$RUBOR' submit --patient P-77 --session S1 --day 4 '$work/photos/day04.jpg'" \
  SUBMIT_OVEREXPOSED="'$RUBOR' submit --patient P-77 --session S1 --day 5 '$work/bright/day03.jpg'" \
  SUBMIT_AGAIN="'$RUBOR' submit --patient P-77 --session S1 --day 7 '$work/photos/day02.jpg'" \
  SUBMIT_DAMAGED="'$RUBOR' submit --patient P-77 --session S1 --day 6 '$work/damaged.jpg'" \
  timeout 240 node page.mjs
node fhir.mjs output/review.fhir
