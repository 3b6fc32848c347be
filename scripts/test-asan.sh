#!/bin/sh
# Runs tests with the addon built for AddressSanitizer and UndefinedBehaviorSanitizer: npm run test:asan -- [JEST
# OPTIONS]. In a copy, so that the checkout keeps its own build. By default all that use the addon but the examples, and
# but those that look closely at the process or at what it starts: the sanitizer's runtime is in there too, and shows.
set -eu
[ $# -gt 0 ] || set -- test/addon test/launch test/namespace test/idmap test/mount test/thread \
  'test/process/(parity|namespaces|lifetimes|errors)' test/system/faults test/system/environments test/system/steps \
  'test/discovery/(discover|threads|watch)' \
  'test/network/(link|watch|refused|faults|lifetime|netlink|sockets|named)'
cd "$(dirname "$0")/.."
checkout=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work"
cd "$work"
ln -s "$checkout/node_modules" node_modules
ln -s "$checkout/dist" dist
npx node-gyp rebuild -- -Dsanitize=1
# Node itself is not instrumented: the runtime has to come first, and what Node never frees is not ours to report.
LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" \
  ASAN_OPTIONS=detect_leaks=0:handle_segv=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
  npx jest "$@"
