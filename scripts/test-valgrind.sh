#!/bin/sh
# npm run test:valgrind: native code under valgrind's memcheck, after `npm run build`
# The plan's decoder, and nsinit while it carries plans out; then the addon in Node, but for what starts tasks: valgrind
# makes a copy of the process where clone(2) is asked for one that shares its memory, and has no clone3(2). That runs under
# AddressSanitizer: npm run test:asan.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
memcheck='valgrind -q --error-exitcode=9 --trace-children=no'

sh src/nsinit/build.sh "$work/nsinit" "$work/nsinit.S"
cc -g -std=gnu11 -O1 -o "$work/plan_test" test/plan/plan_test.c
# shellcheck disable=SC2086
$memcheck --leak-check=full "$work/plan_test"
# shellcheck disable=SC2086
"$work/plan_test" $memcheck "$work/nsinit"
# Without V8's compilers: valgrind would have to translate what they write again and again.
# shellcheck disable=SC2086
$memcheck node --jitless scripts/emulated/exercises.js "$PWD" "$(node -p process.arch)" --no-tasks
