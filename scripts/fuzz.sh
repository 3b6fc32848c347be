#!/bin/sh
# Fuzzes the plan decoder with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer: npm run fuzz -- [SECONDS]
# Needs clang and its runtime (Debian: clang, libclang-rt-14-dev).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
cc -std=gnu11 -o "$work/plan_test" test/plan/plan_test.c
"$work/plan_test" --corpus "$work/corpus"
clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
  -o "$work/fuzz" test/plan/fuzz_decode.c
"$work/fuzz" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 "$work/corpus"
