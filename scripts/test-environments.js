'use strict';

// npm run test:environments -- [NAME …] [--hints]
// Tries in containers and under the restrictions of services what people use of this package: a table, and for each thing
// that is refused the hint of its error, whose remedy is tried as well. As root, on Debian with podman and crun, after
// `npm run build` and `npm run profiles`. The containers have a root of their own, with the host's /usr, and need no image.
// With a part of a name only the environments with that in their names are tried, and those in which their remedies are.
// --hints prints the hints. Fails if something is refused that should work, or works that should not, if a hint does
// not say what it should, or if a remedy does not help. Where a hint asks for system calls, the profile of the environment is
// given them, and the probe has to work there. The doctor is asked in each environment, and has to have found the same.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ENVIRONMENTS, profileOf } = require('./environments/list');
const { withCalls, callsAskedFor } = require('./environments/profile');

const root = path.join(__dirname, '..');
const PROBES = path.join(__dirname, 'environments', 'probes.js');
const SERVICE = path.join(__dirname, 'environments', 'service.js');
const USERS = ['0:0', '1000:1000'];

/** A root for containers: directories to mount on, and who there is. */
function makeRoot(directory) {
  for (const name of ['usr', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'var'])
    fs.mkdirSync(path.join(directory, name));
  fs.chmodSync(path.join(directory, 'tmp'), 0o1777);
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) fs.symlinkSync(`usr/${name}`, path.join(directory, name));
  fs.writeFileSync(path.join(directory, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n');
  fs.writeFileSync(path.join(directory, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  fs.copyFileSync('/etc/ld.so.cache', path.join(directory, 'etc/ld.so.cache'));
}

/** Limits that nobody needs a privilege to set: Podman's own are higher than what a host may have. */
const LIMITS = ['--ulimit=nofile=4096:4096', '--ulimit=nproc=4096:4096'];

/** Where the host uses cgroups of version 1, the containers are started with version 2 in their place: crun does not take both. */
const WITH_CGROUP2 =
  'stat -f -c %T /sys/fs/cgroup | grep -q cgroup2 || mount -t cgroup2 none /sys/fs/cgroup; exec "$@"';

function inContainer(options, user, directory, asked) {
  const node = path.dirname(path.dirname(process.execPath));
  const volumes = ['/usr', root, ...(node.startsWith('/usr') ? [] : [node])].map(
    (each) => `--volume=${each}:${each}:ro`,
  );
  const run = [
    ...['podman', '--cgroup-manager=cgroupfs', '--runtime=crun', 'run', '--rm', '--network=none', '--cgroups=disabled'],
    ...[...LIMITS, `--user=${user}`, ...volumes, ...options, '--rootfs', directory],
    ...[process.execPath, PROBES, root, ...asked],
  ];
  return ['unshare', ['--mount', 'sh', '-c', WITH_CGROUP2, 'sh', ...run]];
}

function inService(service, user) {
  return [process.execPath, [SERVICE, root, PROBES, user, JSON.stringify(service)]];
}

/** The results of the probes there, by their names, and what the doctor says; with names only those probes. */
function measure({ name, podman, service }, user, directory, ...asked) {
  const [file, args] = podman === undefined ? inService(service, user) : inContainer(podman, user, directory, asked);
  const { stdout, stderr, error, status, signal } = spawnSync(file, args, { encoding: 'utf8', timeout: 120_000 });
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch {
    const ended = error?.message ?? signal ?? `status ${status}`;
    throw new Error(`${name}, as ${user}: no result (${ended})\nstdout: ${stdout}\nstderr: ${stderr}`);
  }
}

/** The probes that are a check of the doctor's as well. */
const CHECKS = {
  listen: 'user-capabilities',
  hostname: 'hostname',
  proc: 'proc-mount',
  'sandbox, proc: false': 'sandbox',
};

/** What is wrong with one result, in a sentence; undefined for what is as the list says. */
function* faultsOf(environment, user, probe, all) {
  const { probes, checks } = all.get(keyOf(environment.name, user));
  const result = probes[probe];
  const refusals = environment.refusals.filter((each) => (each.as ?? user) === user && each.probes.includes(probe));
  const where = `${environment.name}, as ${user}: ${probe}`;
  if (result.ok && refusals.length > 0) yield `${where} works, and is listed as refused`;
  if (!result.ok && refusals.length === 0) yield `${where} fails: ${result.message}`;
  const check = checks[CHECKS[probe]];
  if (check !== undefined && (check.verdict === 'ok') !== result.ok)
    yield `${where} ${result.ok ? 'works' : 'fails'}, and the doctor says ${check.verdict} (${CHECKS[probe]})`;
  if (result.ok) return;
  for (const { hint, remedy } of refusals) {
    if (check !== undefined && check.remedy?.includes(hint) !== true && !hint.startsWith('A profile'))
      yield `${where}: the doctor does not say "${hint}", but: ${check.remedy}`;
    if (result.hint?.includes(hint) !== true)
      yield `${where}: the hint does not say "${hint}", but: ${result.hint ?? result.message}`;
    const place = remedy.environment ?? environment.name;
    const other = all.get(keyOf(place, user)) ?? USERS.map((each) => all.get(keyOf(place, each))).find(Boolean);
    if (other.probes[remedy.probe ?? probe]?.ok !== true)
      yield `${where}: the remedy does not help (${place}, ${remedy.probe ?? probe})`;
  }
}

/** Starts the container with the system calls that the hint asks for added to its profile: the probe has to work. */
function* faultsOfProfile(environment, user, probe, { hint }, directory) {
  const calls = callsAskedFor(hint);
  if (environment.podman === undefined || calls.length === 0) return;
  const file = path.join(directory, 'profile.json');
  fs.writeFileSync(file, JSON.stringify(withCalls(profileOf(environment), calls)));
  const allowed = { ...environment, podman: [...environment.podman, '--security-opt', `seccomp=${file}`] };
  const { [probe]: result } = measure(allowed, user, directory, probe).probes;
  const isMasked = result.hint?.includes('unmask=ALL') === true && !callsAskedFor(result.hint).length;
  if (!result.ok && !isMasked)
    yield `${environment.name}, as ${user}: ${probe} fails with ${calls.join(', ')} allowed: ${result.hint ?? result.message}`;
}

const keyOf = (name, user) => `${name}|${user}`;

function wanted(names) {
  if (names.length === 0) return ENVIRONMENTS;
  const asked = ENVIRONMENTS.filter(({ name }) => names.some((part) => name.includes(part)));
  const remedies = asked.flatMap(({ refusals }) => refusals.map(({ remedy }) => remedy.environment));
  return ENVIRONMENTS.filter((each) => asked.includes(each) || remedies.includes(each.name));
}

function main() {
  if (process.getuid() !== 0) throw new Error('run it as root');
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-environments-'));
  const all = new Map();
  const faults = [];
  try {
    fs.chmodSync(directory, 0o755);
    makeRoot(directory);
    for (const environment of wanted(names)) {
      for (const user of environment.user === undefined ? USERS : [environment.user]) {
        const measured = measure(environment, user, directory);
        all.set(keyOf(environment.name, user), measured);
        for (const [probe, result] of Object.entries(measured.probes))
          faults.push(...faultsOfProfile(environment, user, probe, result, directory));
      }
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
  const environments = wanted(names);
  const probes = Object.keys(all.values().next().value.probes);
  console.log(`| Environment | as | ${probes.join(' | ')} |\n|---|---|${probes.map(() => '---|').join('')}`);
  for (const [key, { probes: results }] of all) {
    const [name, user] = key.split('|');
    const environment = environments.find((each) => each.name === name);
    const cells = probes.map((probe) =>
      results[probe].ok ? 'ok' : `no (${results[probe].step ?? results[probe].code})`,
    );
    console.log(`| ${name} | ${user.split(':')[0]} | ${cells.join(' | ')} |`);
    for (const probe of probes) {
      faults.push(...faultsOf(environment, user, probe, all));
      if (process.argv.includes('--hints') && !results[probe].ok) console.log(`${probe}: ${results[probe].hint}`);
    }
  }
  console.log(faults.length === 0 ? '\nall as listed, and each remedy helps' : `\n${faults.join('\n')}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

main();
