#!/bin/sh
# Runs tests with the addon built for AddressSanitizer and UndefinedBehaviorSanitizer, in a copy, so that the checkout
# keeps its own build.
#   npm run test:asan                  CI's share: what calls the addon most, a few minutes
#   npm run test:asan -- all           every test that can be run so, half an hour
#   npm run test:asan -- test/launch   Jest's options
set -eu

# The sanitizers' runtime is preloaded in Node, and so in every program that inherits its environment. It shows, and has
# needs of its own. These tests fail by that, and not by what they test:
#   examples                 bash, as the init of a pid namespace, and ps are in it: hours, in sum
#   cli/{unshare,nsenter}, system/killed, system/causes.root
#                            Node is started with an environment without LD_PRELOAD, and then refuses the addon
#   network/lab, network/resolve/lookup
#                            dnsmasq does not come up with the runtime in it
#   system/attacks           a program has no signal caught: the runtime catches SIGBUS and SIGFPE
#   process/limits           a program may not map what the runtime reserves
#   system/causes, system/no-proc, discovery/hidden
#                            Node in a root without /proc, which the runtime reads
excluded='test/(examples/|cli/(unshare|nsenter)\.|discovery/hidden|process/limits|system/(killed|attacks|causes\.root|causes\.test|no-proc)|network/(lab|resolve/lookup))'

case "${1:-}" in
  '') set -- test/addon test/launch test/namespace test/idmap test/mount test/thread \
    'test/process/(parity|namespaces|errors)' test/system/faults test/system/steps \
    'test/discovery/(discover|watch)' \
    'test/network/(link|watch|refused|faults|lifetime\.|netlink|sockets/(connect|datagram|http|listen|unix)|named)' ;;
  all)
    shift
    # The option takes the place of what jest.config.js says.
    if [ "$(id -u)" = 0 ]; then other='\.user\.test\.ts$'; else other='\.root\.test\.ts$'; fi
    set -- "$@" --testPathIgnorePatterns /node_modules/ --testPathIgnorePatterns "$other" \
      --testPathIgnorePatterns "$excluded" ;;
esac
cd "$(dirname "$0")/.."
checkout=$PWD
work=$(mktemp -d)
chmod 755 "$work" # tests run Node as other users, too
trap 'rm -rf "$work"' EXIT
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - | tar -C "$work" -xf -
cd "$work"
ln -s "$checkout/node_modules" node_modules
ln -s "$checkout/dist" dist
npx node-gyp rebuild -- -Dsanitize=1
# Node itself is not instrumented: the runtime has to come first, and what Node never frees is not ours to report.
# Everything takes several times as long.
LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" \
  ASAN_OPTIONS=detect_leaks=0:handle_segv=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
  npx jest --testTimeout=120000 "$@"
