'use strict';

// node scripts/seccomp-profiles.js
// Gets the seccomp profiles of Docker and Podman out of Debian's packages, for the tests that compile and load them.
// They go to node_modules/.cache/linux-ns-seccomp, or to the directory that LINUX_NS_SECCOMP names.
// test/fixtures/seccomp-profiles.ts finds them there.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const PROFILES = [
  {
    name: 'docker.json',
    package: 'golang-github-docker-docker-dev',
    file: 'usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json',
  },
  { name: 'podman.json', package: 'golang-github-containers-common', file: 'usr/share/containers/seccomp.json' },
];

const root = path.join(__dirname, '..');
const directory = process.env.LINUX_NS_SECCOMP || path.join(root, 'node_modules', '.cache', 'linux-ns-seccomp');

function download(names, cwd) {
  const get = () => execFileSync('apt-get', ['download', '-qq', ...names], { cwd, stdio: 'inherit' });
  try {
    get();
  } catch {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
    get();
  }
}

const absent = PROFILES.filter(({ name }) => !fs.existsSync(path.join(directory, name)));
if (absent.length > 0) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-seccomp-'));
  try {
    // Only what is in them is wanted: installed, they would bring a hundred others along.
    download(
      absent.map((profile) => profile.package),
      work,
    );
    for (const file of fs.readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', path.join(work, file), path.join(work, 'root')], { stdio: 'inherit' });
    }
    fs.mkdirSync(directory, { recursive: true });
    for (const { name, file } of absent) fs.copyFileSync(path.join(work, 'root', file), path.join(directory, name));
  } finally {
    fs.rmSync(work, { recursive: true });
  }
}

for (const { name } of PROFILES) console.log(path.join(directory, name));
