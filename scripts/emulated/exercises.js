'use strict';

// node exercises.js FOLDER ARCH [--no-tasks]: has the package in a folder do what can be done where processes are
// emulated and tasks can't be started: in an arm64 Node below qemu-user (scripts/check-arm64-addon.js), below valgrind
// (scripts/test-valgrind.sh). Prints what works, and of what needs more than the emulator has how it is refused: by an
// error that says so, not by a crash or a wait.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const [folder, arch, option] = process.argv.slice(2);
const linux = require(folder);
const { native } = require(path.join(folder, 'dist', 'native.js'));
const { Network } = require(path.join(folder, 'dist', 'network'));
const seccomp = require(path.join(folder, 'dist', 'seccomp'));

/** AUDIT_ARCH_* of <linux/audit.h>. */
const AUDIT_ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 };
const NEW_USER = 0x10000000;
/** ScanBit 'commands' of types/native.d.ts. */
const COMMANDS = 1 << 7;
const [AF_INET, SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR] = [2, 1, 1, 2];
const SECONDS = 20;

const WORKS = {
  'the binary is for this architecture, and has nsinit inside': () => {
    assert.equal(process.arch, arch);
    assert.ok(native().nsinitBytes > 10_000);
  },

  'bad arguments are TypeErrors and RangeErrors with the name of the option': async () => {
    const refused = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /network/ };
    await assert.rejects(linux.unshare('network'), refused);
    await assert.rejects(linux.spawn(1), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message: /file/ });
    await assert.rejects(linux.spawn('true', [], { nice: 99 }), /nice/);
    await assert.rejects(linux.writeUidMap(0, 'root'), /pid/);
  },

  'the addon itself refuses what is not a number, or no descriptor': () => {
    const { EBADF } = os.constants.errno;
    for (const bad of [undefined, '1', {}, 1n, 1 << 20]) {
      assert.throws(() => native().namespaceInfo(bad), { errno: EBADF, syscall: 'statx' });
      assert.throws(() => native().duplicate(bad), { errno: EBADF });
    }
    assert.throws(() => native().launch({}, () => undefined), TypeError);
  },

  'descriptors: pipes, pairs, duplicates, closed at once and by a thread': async () => {
    const [reader, writer] = native().pipe();
    const copy = native().duplicate(writer);
    fs.writeSync(copy, 'through');
    const buffer = Buffer.alloc(7);
    assert.equal(fs.readSync(reader, buffer), 7);
    assert.equal(buffer.toString(), 'through');
    const pair = native().socketPair();
    native().closeNow(pair[0]);
    await new Promise((resolve) => native().close([reader, writer, copy, pair[1]], resolve));
    for (const fd of [reader, writer, copy, ...pair]) assert.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
  },

  'sockets: options, an address, a connection': async () => {
    const fd = native().socket(AF_INET, SOCK_STREAM, 0);
    native().setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    native().bindSocket(fd, AF_INET, '127.0.0.1', 0, null);
    const client = native().socket(AF_INET, SOCK_STREAM, 0);
    const errno = await new Promise((resolve) => {
      // Port 1 of this machine: nobody listens.
      const waits = native().connectSocket(client, AF_INET, '127.0.0.1', 1, null, resolve);
      if (waits === undefined) resolve(0);
    }).catch((error) => error.errno);
    assert.equal(errno, os.constants.errno.ECONNREFUSED);
    for (const each of [fd, client]) native().closeNow(each);
  },

  'addresses to bytes and back': () => {
    for (const text of ['192.168.5.5', '::1', '2001:db8::ffff']) {
      const bytes = native().addressBytes(text);
      assert.equal(native().addressText(bytes, 0, bytes.length), text);
    }
    assert.equal(native().addressBytes('192.168.5'), undefined);
  },

  'capabilities and ids of this process': () => {
    const { uid, gid, capabilities } = native().credentials();
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];
    assert.deepEqual([uid, gid, capabilities], [process.geteuid(), process.getegid(), BigInt(`0x${effective}`)]);
  },

  'names of users': async () => {
    const names = await new Promise((resolve) => native().userNames(Uint32Array.of(0, 4_000_000_000), resolve));
    assert.deepEqual(names, ['root', '']);
  },

  'maps of ids': async () => {
    const parts = fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).map(Number);
    const ranges = await linux.readUidMap('self');
    assert.deepEqual(Object.values(ranges[0]), parts.slice(0, 3));
    assert.ok((await linux.readGidMap('self')).length > 0);
  },

  'mounts of this process': async () => {
    const mounts = await linux.mountinfo();
    assert.ok(mounts.some(({ target }) => target === '/'));
  },

  'discovery: a scan of /proc on threads, in which this process is': async () => {
    const rows = [];
    await new Promise((resolve) => {
      native().scan(NEW_USER, COMMANDS, (text) => (text === null ? resolve() : rows.push(...JSON.parse(text))));
    });
    const mine = rows.find(([row, pid]) => row === 'process' && pid === process.pid);
    assert.ok(mine?.[7].includes(path.basename(__filename)), 'no row of this process, with its command');
  },

  'seccomp: profiles become programs for this architecture': () => {
    const { program } = seccomp.compileSeccomp(seccomp.defaultSeccompProfile());
    const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
    assert.equal(bytes.length % 8, 0);
    const constants = Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readUInt32LE(index * 8 + 4));
    assert.ok(constants.includes(AUDIT_ARCH[arch]), 'no check of the architecture');
  },
};

/** Work that needs system calls or ioctls which emulators lack: clone(2) of this kind, and the ioctls of namespaces. */
const EMULATOR_LACKS = {
  'the report of the host': () => linux.inspectHost(),
  'a program in new namespaces': () => linux.execFile('true', [], { unshare: ['user', 'uts'] }),
  'a program in the namespaces of this process': () => linux.execFile('true'),
  "namespaces of one's own": () => linux.unshare(['user', 'net']),
  'joining namespaces': () => linux.setns({ pid: process.pid, kinds: ['net'] }),
  'namespaces of this process, by path': () => linux.Namespace.open('/proc/self/ns/net'),
  'namespaces of this process, by kind': () => linux.Namespace.of('self', 'net'),
  'the owner of a user namespace': async () => (await linux.Namespace.of('self', 'user')).owner(),
  'the user namespace of a namespace': async () => (await linux.Namespace.of('self', 'net')).userNamespace(),
  'a new user namespace of a thread': () => {
    native().unshareThread(NEW_USER);
  },
  'interfaces, by netlink': async () => {
    const network = await Network.open();
    await network.link.list().finally(() => network.close());
  },
  'a tmpfs that is nowhere': () => linux.fsmount({ type: 'tmpfs' }),
};

function inTime(action) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${SECONDS} s`)), SECONDS * 1000);
  });
  return Promise.race([Promise.resolve().then(action), late]).finally(() => clearTimeout(timer));
}

async function main() {
  let failed = 0;
  for (const [name, action] of Object.entries(WORKS)) {
    try {
      await inTime(action);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}: ${error.stack}`);
    }
  }
  const lacked = option === '--no-tasks' ? [] : Object.entries(EMULATOR_LACKS);
  for (const [name, action] of lacked) {
    await inTime(action).then(
      () => console.log(`ok      ${name}`),
      ({ code, syscall, step, message }) => {
        const said = [step, syscall, code].filter((part) => part !== undefined).join(', ');
        if (said === '') failed += 1;
        console.log(said === '' ? `FAILED  ${name}: ${message}` : `not emulated  ${name}: ${said}`);
      },
    );
  }
  process.exit(failed === 0 ? 0 : 1);
}

void main();
