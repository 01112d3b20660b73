#!/bin/sh
# All tables of docs/MEASUREMENT.md and docs/EVALUATION.md that rendered photos with known truth give, in one run of under 20 minutes on two cores:
#   cmake --build build --target evaluate bench_gate bench_registration bench_skin
#   tests/bench/tables.sh [BUILD [SEED]]
# Skin masks, alignment, pairs of every tone, the kinds beyond the standard table, the quality gate. Every table is
# headed by its command; use a SEED that no threshold was chosen on.
set -eu
build=${1:-build}
seed=${2:-870001}

run() {
    start=$(date +%s)
    printf '\n`%s`\n\n' "$*"
    "$@"
    printf '\n(%s s)\n' $(($(date +%s) - start))
}

git rev-parse --short HEAD 2>/dev/null || true
run "$build/bench_skin" 4
run "$build/bench_registration" 6
run "$build/tests/bench/evaluate" --pairs 432 --seed "$seed"
run "$build/tests/bench/evaluate" --also --pairs 144 --seed $((seed + 10000))
run "$build/bench_gate" --photos 1 --size 960x720 --seed $((seed + 20000))
run "$build/bench_gate" --photos 2 --size 960x720 --seed $((seed + 30000)) --threshold
