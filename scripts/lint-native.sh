#!/bin/sh
# cppcheck over src/, as it is compiled for x86-64 and for arm64: npm run lint:native
# What it is wrong about is suppressed where it stands, with the reason.
set -eu
cd "$(dirname "$0")/.."
options='--quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability -D__linux__'
status=0
for machine in __x86_64__ __aarch64__; do
  # shellcheck disable=SC2086
  cppcheck $options -D$machine --language=c --std=c11 '-D_Noreturn=__attribute__((noreturn))' \
    src/nsinit src/addon/child.c || status=1
  # shellcheck disable=SC2086,SC2046
  cppcheck $options -D$machine --language=c++ --std=c++17 \
    $(find src/addon -name '*.cc') || status=1
done
exit $status
