#!/bin/sh
# npm run test:load -- [options of Jest]: the suite beside stress-ng, which makes the machine as busy as one can be.
# What passes here depends on no time: see "Tests" in CONTRIBUTING.md.
set -eu
cd "$(dirname "$0")/.."

command -v stress-ng >/dev/null || {
  echo 'test:load needs stress-ng (Debian package stress-ng)' >&2
  exit 1
}

# In a session of its own, so that it can be ended as a whole: it starts a process for each of its workers.
setsid stress-ng --quiet --cpu 8 --vm 2 --vm-bytes 256M --timeout 0 &
stress=$!
trap 'kill -- "-$stress" 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM

npx --no-install jest "$@"
