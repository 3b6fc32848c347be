#!/bin/sh
# Compiles nsinit and the test of its wire format, and runs both: sh scripts/check-nsinit.sh [arm64]
# arm64 needs Debian's gcc-aarch64-linux-gnu and qemu-user.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run=
if [ "${1:-}" = arm64 ]; then
  export CC=aarch64-linux-gnu-gcc
  run=qemu-aarch64
fi
sh src/nsinit/build.sh "$work/nsinit" "$work/nsinit.S"
${CC:-cc} -std=gnu11 -O1 -Wall -Wextra -Werror -static -o "$work/plan_test" test/plan/plan_test.c
# shellcheck disable=SC2086
$run "$work/plan_test"
# The test itself runs natively, so that what it starts need not be known to the emulator as a program.
cc -std=gnu11 -O1 -o "$work/driver" test/plan/plan_test.c
"$work/driver" $run "$work/nsinit"
echo "nsinit: $(wc -c <"$work/nsinit") bytes"
