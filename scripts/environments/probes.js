'use strict';

// Runs in one of the environments of scripts/test-environments.js, with the built package: tries what people use, and prints
// a line of JSON, { probes: { name: { ok, code, step, hint } }, checks: { id: { verdict, remedy } } }. The checks are those
// of the doctor; with names of probes, only those are tried, and no doctor is asked.

const path = require('node:path');

const root = process.argv[2];
const { Sandbox, execFile, hostUserland, inspectHost, unshare } = require(path.join(root, 'dist'));
const { Network } = require(path.join(root, 'dist', 'network'));

const PROBES = {
  spawn: () => execFile('true', [], { unshare: ['user', 'net', 'pid', 'mnt'] }),
  'net alone': () => execFile('true', [], { unshare: ['net'] }),
  listen: async () => {
    const set = await unshare({ user: true, net: { loopback: true } });
    const net = await Network.open(set);
    const server = await net.listen({ host: '127.0.0.1', port: 0 });
    await new Promise((resolve) => server.close(resolve));
    await net.close();
    await set.close();
  },
  hostname: () => execFile('true', [], { unshare: { user: true, uts: { hostname: 'inside' } } }),
  proc: () => execFile('true', [], { unshare: ['user', 'pid', 'mnt'], mounts: [{ type: 'proc', target: '/proc' }] }),
  'proc, bound': () =>
    execFile('cat', ['/proc/self/status'], {
      unshare: ['user', 'pid', 'mnt'],
      mounts: [{ source: '/proc', target: '/proc', bind: true, recursive: true }],
    }),
  root: () => execFile('/bin/true', [], { unshare: ['user', 'mnt'], root: '/' }),
  sandbox: () => inSandbox({}),
  "sandbox, proc: 'auto'": () => inSandbox({ proc: 'auto' }),
  'sandbox, proc: false': () => inSandbox({ proc: false }),
  "isolation: 'landlock'": inLandlock,
};

async function inSandbox(more) {
  const sandbox = await Sandbox.create({ ...hostUserland(), ...more });
  await sandbox.execFile(more.proc === false ? 'true' : 'cat', more.proc === false ? [] : ['/proc/self/status']);
  await sandbox.close();
}

/** Fails, too, if the program may do what it should not. */
async function inLandlock() {
  const landlock = { execute: ['/usr'], read: ['/etc/passwd'] };
  const sandbox = await Sandbox.create({ isolation: 'landlock', landlock });
  const { stdout } = await sandbox.execFile('sh', ['-c', 'head -c4 /etc/passwd; ls / 2>&1; kill -0 $PPID 2>&1; true']);
  await sandbox.close();
  if (!/^root.*ls: .*denied.*kill: .*not permitted/s.test(stdout)) throw new Error(stdout);
}

async function attempt(probe) {
  try {
    await probe();
    return { ok: true };
  } catch (error) {
    const { code, step, hint, message } = error;
    return { ok: false, code, step, hint, message };
  }
}

async function main() {
  const asked = process.argv.slice(3);
  const probes = {};
  for (const [name, probe] of Object.entries(PROBES)) {
    if (asked.length === 0 || asked.includes(name)) probes[name] = await attempt(probe);
  }
  console.log(JSON.stringify({ probes, checks: asked.length === 0 ? await doctor() : {} }));
}

async function doctor() {
  const { checks } = await inspectHost();
  return Object.fromEntries(checks.map(({ id, verdict, remedy }) => [id, { verdict, remedy }]));
}

void main().then(() => process.exit());
