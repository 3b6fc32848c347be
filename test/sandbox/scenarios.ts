/** What is done by a Node of its own: one that was started with things it knows nothing of, or that has a terminal. */
import { once } from 'node:events';
import { readlinkSync, statSync, writeFileSync } from 'node:fs';
import { type NamespaceError, Sandbox, type SandboxSpec, exec, hostUserland, spawn, unshare } from '../../lib';
import { footprint, moreThan } from '../fixtures/footprint';

/** What a program finds of ours: its descriptors, directories of ours among them, and our environment. */
export async function whatIsInside(spec: SandboxSpec, directory: string): Promise<unknown> {
  process.env.OF_OURS = 'secret';
  await using sandbox = await Sandbox.create({ ...hostUserland(), ...spec });
  const { stdout } = await sandbox.exec(
    'ls /proc/self/fd; for f in /proc/self/fd/*; do readlink $f; done; readlink /proc/self/cwd; env',
  );
  const lines = stdout.trim().split('\n');
  return {
    descriptors: lines.filter((line) => /^\d+$/.test(line)),
    directories: lines.filter((line) => line.includes(directory)),
    environment: lines.filter((line) => line.includes('OF_OURS')),
  };
}

/** In a terminal: what comes of pushing a character into it, from inside a sandbox that was given it, and without one. */
export async function keysPushed(escape: string, programs: string, specs: SandboxSpec[]): Promise<unknown> {
  const terminal = readlinkSync('/proc/self/fd/0');
  const plain = await spawn(escape, ['key', '-'], { stdio: ['inherit', 'pipe', 'inherit'] });
  const results = { terminal, plain: await textOf(plain.stdout!), inside: [] as string[] };
  for (const spec of specs) {
    await using sandbox = await Sandbox.create({ ...hostUserland({ readable: programs }), ...spec });
    for (const target of ['-', '/dev/tty', '/proc/self/fd/0']) {
      const inside = await sandbox.spawn(escape, ['key', target], { stdio: ['inherit', 'pipe', 'inherit'] });
      results.inside.push(await textOf(inside.stdout!));
    }
  }
  return results;
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text.trim();
}

/**
 * Programs enter a sandbox where an attacker with every capability lies in wait; resolves with what it has achieved, "begun"
 * and "looked" included.
 */
export async function enteredUnderAttack(
  { attacker, escape, programs }: Record<'attacker' | 'escape' | 'programs', string>,
  spec: SandboxSpec,
  secret: string,
  target: 'nsinit' | 'something like it',
): Promise<unknown> {
  await using sandbox = await Sandbox.create({ ...hostUserland({ readable: programs }), ...spec });
  const attack = await sandbox.spawn(attacker, [secret, 'all'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  attack.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(attack.stdout!, 'data');
  const prey =
    target === 'nsinit' ? undefined : await sandbox.spawn(escape, ['nsinit'], { stdio: ['pipe', 'pipe', 'inherit'] });
  // Until it has met its prey often enough, however it is scheduled.
  for (let done = 0; done < 120 || !output.includes('looked'); done++) {
    await (
      await sandbox.spawn('true', [], { stdio: 'ignore' })
    ).exited;
  }
  prey?.stdin?.end();
  await attack.close();
  return [...new Set(output.split('\n').map((line) => line.split(' ')[0]))].filter((word) => word !== '');
}

/** Process 1 of a sandbox is attacked with all that there is; resolves with what came of it, and what was left of ours. */
export async function initAttacked(escape: string, programs: string, spec: SandboxSpec): Promise<unknown> {
  const whole: SandboxSpec = { ...hostUserland({ readable: programs }), ...spec };
  // What is opened once and for all is open then.
  await using first = await Sandbox.create(whole);
  await first.exec('true');
  await first.close();
  const before = footprint();
  const sandbox = await Sandbox.create(whole);
  const attack = await sandbox.exec(`${escape} control; kill -9 1; kill -STOP 1; echo $?`);
  const after = await sandbox.exec('echo works');
  await sandbox.close();
  return { attack: attack.stdout.trim().split('\n'), after: after.stdout, left: await moreThan(before) };
}

/** The same for a set without a sandbox, whose root has all power over its process 1. */
export async function initOfSetAttacked(escape: string): Promise<unknown> {
  await using first = await unshare(['user', 'pid']);
  await first.exec('true');
  await first.close();
  const before = footprint();
  const set = await unshare(['user', 'pid']);
  const attack = await set.exec(`${escape} control; ${escape} control`);
  const after = await set.exec('echo works');
  await set.close();
  // Not before init has said that the program runs: then it would seem never to have come to run.
  const child = await spawn('sh', ['-c', `read go; ${escape} control; sleep 0.1`], {
    unshare: ['user', 'pid'],
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin!.end('go\n');
  await child.exited;
  return { attack: attack.stdout.trim().split('\n'), after: after.stdout, left: await moreThan(before) };
}

/** What a program in a sandbox finds of the groups that this process has. */
export async function groupsInside(bound: string, spec: SandboxSpec): Promise<unknown> {
  await using sandbox = await Sandbox.create({
    ...hostUserland({ readable: bound }),
    ...spec,
  });
  return { ours: process.getgroups!(), theirs: (await sandbox.exec(`id -G; cat ${bound}/* 2>/dev/null; :`)).stdout };
}

/** Which session keyring a command says that it has: here, in a user namespace, and in sandboxes. */
export async function sessionKeyrings(programs: string, ask: string, specs: SandboxSpec[]): Promise<unknown> {
  const results = {
    ours: (await exec(ask)).stdout,
    unconfined: (await exec(ask, { unshare: ['user'] })).stdout,
    inside: [] as string[],
  };
  for (const spec of specs) {
    await using sandbox = await Sandbox.create({ ...hostUserland({ readable: programs }), ...spec });
    results.inside.push((await sandbox.exec(ask)).stdout);
  }
  return results;
}

/** Where no network namespace can be made: how each of the specs fails, and what is left of it. */
export async function networksRefused(specs: SandboxSpec[]): Promise<unknown> {
  // What is made once is not left over.
  await (await Sandbox.create()).close();
  writeFileSync('/proc/sys/user/max_net_namespaces', '0');
  const before = footprint();
  const errors: unknown[] = [];
  for (const spec of specs) {
    const error: unknown = await Sandbox.create(spec).then(
      () => 'it was made',
      (reason: unknown) => reason,
    );
    const { code, step, syscall, hint } = error as NamespaceError;
    errors.push({ code, step, syscall, hint });
  }
  return { errors, left: await moreThan(before) };
}

/** Starts what outlives its parent, in a sandbox that is never closed, and tells when it is there. */
export async function leftRunning(mark: string): Promise<unknown> {
  const sandbox = await Sandbox.create(hostUserland());
  const child = await sandbox.spawn('sh', ['-c', `setsid sleep ${mark} & setsid sleep ${mark} & echo there; wait`]);
  await once(child.stdout!, 'data');
  process.stdout.write('there\n');
  return new Promise(() => setInterval(() => undefined, 1000));
}

/** What some other code of the program may set on `Object.prototype`: options that would open a sandbox, and a program in it. */
const POLLUTION: Readonly<Record<string, unknown>> = {
  root: { path: '/', readOnly: false },
  path: '/',
  lower: ['/'],
  upper: '/tmp/nowhere',
  work: '/tmp/nowhere',
  readOnly: false,
  devices: true,
  masked: false,
  exec: true,
  optional: true,
  recursive: true,
  mounted: true,
  size: 1,
  data: '',
  mode: 0o777,
  keepMode: true,
  mounts: [{ type: 'bind', source: '/', target: '/mnt' }],
  propagation: 'slave',
  dev: false,
  proc: false,
  terminal: false,
  share: ['net', 'pid', 'ipc', 'uts', 'cgroup'],
  namespaces: {},
  user: { uid: 1234, gid: 1234 },
  net: true,
  map: 'current',
  uid: 0,
  gid: 0,
  groups: [0],
  hostname: 'polluted',
  hosts: { polluted: '127.0.0.1' },
  time: { monotonic: 1000 },
  monotonic: 1000,
  cwd: '/proc',
  env: { POLLUTED: '1' },
  POLLUTED: '1',
  network: 'host',
  capabilities: ['CAP_SYS_ADMIN'],
  bounding: ['CAP_SYS_ADMIN'],
  ambient: ['CAP_SYS_ADMIN'],
  noNewPrivileges: false,
  newSession: false,
  dieWithParent: false,
  init: false,
  seccomp: 'none',
  userNamespaces: true,
  disableUserNamespaces: true,
  rlimits: { nofile: 7 },
  nofile: 7,
  inotifyInstances: 7,
  cgroup: { pidsMax: 1 },
  setns: [],
  unshare: 'net',
  pid: 7,
  argv0: 'polluted',
  detached: true,
  securebits: ['NOROOT'],
  umask: 0,
  niceness: 19,
  personality: 'ADDR_NO_RANDOMIZE',
  shell: '/bin/false',
  uidMap: 'current',
  gidMap: 'current',
  setgroups: 'deny',
  loopback: false,
};

/** Tells all that the options decide. */
const LOOK = String.raw`exec 2>&1
  echo "$0"; id; hostname; pwd; env | sort; umask; ulimit -n; ls /; cat /etc/hosts; cut -d: -f1 /proc/self/net/dev
  grep -E '^(Cap|NoNewPrivs|Seccomp)' /proc/self/status; cat /proc/self/personality; cut -d' ' -f6,19 /proc/self/stat
  cut -d' ' -f4- /proc/self/mountinfo; cat /proc/self/uid_map /proc/self/gid_map /proc/sys/user/max_user_namespaces
  true`;

/** What a program without options sees in a sandbox that has no option but its userland. */
async function seenInside(): Promise<string[]> {
  await using sandbox = await Sandbox.create(hostUserland());
  const { stdout } = await sandbox.execFile('sh', ['-c', LOOK]);
  const own = [...sandbox.namespaces].filter(
    ({ id, kind }) => id !== statSync(`/proc/self/ns/${kind}`, { bigint: true }).ino,
  );
  return [
    `namespaces: ${own.map(({ kind }) => kind).join()}`,
    ...stdout.replace(/(shared|master):\d+/g, '$1').split('\n'),
  ];
}

/** The properties of `Object.prototype` with which a program sees something else, and what. */
export async function openedByPollution(): Promise<Record<string, unknown>> {
  const clean = await seenInside();
  const opened: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(POLLUTION)) {
    Object.defineProperty(Object.prototype, name, { value, enumerable: true, configurable: true, writable: true });
    const seen = await seenInside().catch((error: unknown) => [String(error)]);
    Reflect.deleteProperty(Object.prototype, name);
    const more = seen.filter((line) => !clean.includes(line));
    if (more.length > 0 || seen.length < clean.length) opened[name] = more;
  }
  return opened;
}
