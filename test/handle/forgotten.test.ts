import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, isAlive } from '../fixtures/footprint';
import { ONE_WAIT } from '../fixtures/patience';

const library = JSON.stringify(join(__dirname, '../../lib'));

/** Runs a script in a Node of its own, with `collect()` to have garbage collected until something holds. */
async function script(body: string): Promise<{ stdout: string; stderr: string }> {
  const source = `
    const { Namespace, Sandbox, hostUserland, unshare } = require(${library});
    const { Network } = require(${library} + '/network');
    const fs = require('node:fs');
    const open = () => fs.readdirSync('/proc/self/fd').filter((fd) => {
      try { return /^(net|pid|user|uts|mnt):/.test(fs.readlinkSync('/proc/self/fd/' + fd)); } catch { return false; }
    }).length;
    const collect = async (holds) => {
      for (const end = Date.now() + ${Math.min(ONE_WAIT, 8000)}; !holds() && Date.now() < end;) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
    };
    process.on('warning', ({ code, message }) => console.log(code, message));
    (async () => { ${body} })();`;
  return promisify(execFile)(process.execPath, ['--expose-gc', '--no-warnings', '-r', 'tsx/cjs', '-e', source], {
    cwd: join(__dirname, '../..'),
  });
}

test('a forgotten handle is closed by the garbage collector, with a warning', async () => {
  const { stdout } = await script(`
    await (async () => { await Namespace.of('self', 'net'); })();
    await collect(() => open() === 0);
    console.log('open:', open());`);
  expect(stdout).toMatch(/^LINUX_NS_UNCLOSED A Namespace \(net:\[\d+\]\) was collected as garbage/m);
  expect(stdout).toMatch(/^open: 0$/m);
});

test('a forgotten set is closed as one, its init ended, with one warning', async () => {
  const { stdout } = await script(`
    let init;
    await (async () => { const set = await unshare(['user', 'pid', 'net']); init = set.init; })();
    const alive = () => { try { process.kill(init, 0); return true; } catch { return false; } };
    await collect(() => open() === 0 && !alive());
    console.log('open:', open(), 'init:', alive());`);
  expect(stdout.match(/LINUX_NS_UNCLOSED/g)).toHaveLength(1);
  expect(stdout).toMatch(/A NamespaceSet \(net:\[\d+\] pid:\[\d+\] user:\[\d+\]\)/);
  expect(stdout).toMatch(/^open: 0 init: false$/m);
});

const APART = "const set = await unshare(['user', 'net', 'mnt']);";
const OWNERS: [what: string, make: string, warning: RegExp][] = [
  ['Namespace', "await Namespace.of('self', 'uts');", /^A Namespace \(uts:/],
  ['NamespaceSet', "await unshare(['user', 'uts']);", /^A NamespaceSet \(user:.* uts:/],
  ['Sandbox', 'await Sandbox.create(hostUserland());', /^A Sandbox \(init \d+\)/],
  ['Pool', 'await Sandbox.pool(hostUserland(), { size: 2 });', /^A pool /],
  ['Network', `${APART} kept.push(set); await Network.open(set);`, /^A Network \(net:/],
  ['DetachedMount', `${APART} kept.push(set); await set.openTree('/etc');`, /^A DetachedMount \(\/etc\)/],
  [
    'Tun',
    `${APART} kept.push(set); const network = await Network.open(set); kept.push(network);
     await network.link.openTun({ name: 't0', kind: 'tun' });`,
    /^A Tun \(t0\)/,
  ],
];

test.each(OWNERS)('a forgotten %s is collected, and the warning says where it was made', async (_, make, warning) => {
  const { stdout } = await script(`
    const kept = [];
    const warnings = [];
    process.on('warning', ({ message, detail }) => warnings.push(message, detail));
    async function maker() { ${make} }
    await maker();
    await collect(() => warnings.length > 0);
    console.log(JSON.stringify(warnings));
    for (const each of kept.reverse()) await each.close();`);
  const lines = stdout.split('\n');
  const [message = '', detail = ''] = JSON.parse(lines.at(-2)!) as string[];
  expect(message).toMatch(warning);
  expect(detail).toMatch(/^It was made here:\n {4}at (async )?maker /);
  expect(detail).not.toContain(JSON.parse(library));
});

test('a set is not forgotten while one of its handles is in use', async () => {
  const { stdout } = await script(`
    let net;
    let init;
    await (async () => { const set = await unshare(['user', 'pid', 'net']); net = set.net; init = set.init; })();
    for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    process.kill(init, 0);
    console.log('open:', net.fd > 0);`);
  expect(stdout).toBe('open: true\n');
});

test('a network is not forgotten while an agent of it, or a socket, is in use', async () => {
  const { stdout } = await script(`
    const set = await unshare(['user', 'net']);
    const [agent, server] = await (async () => {
      return [(await Network.open(set)).httpAgent(), await (await Network.open(set)).listen(80)];
    })();
    for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    const request = require('node:http').get({ host: '127.0.0.1', port: 1, agent });
    await new Promise((resolve) => request.on('error', ({ code }) => resolve(console.log('refused:', code))));
    console.log('listening:', server.listening);
    // From here on neither is in use, and their networks may be forgotten.
    process.exit();`);
  expect(stdout).toBe('refused: ECONNREFUSED\nlistening: true\n');
});

test('a sandbox is not forgotten while a program runs in it, however that was started', async () => {
  const { stdout } = await script(`
    const say = ({ stdout }) => stdout.trim();
    const fail = ({ signal }) => signal;
    const runs = [
      (async () => (await Sandbox.create(hostUserland())).execFile('sh', ['-c', 'sleep 1; echo one']))().then(say, fail),
      (async () => (await Sandbox.create(hostUserland())).exec('sleep 1; echo two'))().then(say, fail),
    ];
    let over = false;
    const said = Promise.all(runs).finally(() => (over = true));
    await collect(() => over);
    console.log(await said);`);
  expect(stdout).toContain("[ 'one', 'two' ]");
});

test('what has been closed is not warned about', async () => {
  const { stdout } = await script(`
    await (async () => {
      const set = await unshare(['user', 'uts']);
      const net = await Namespace.of('self', 'net');
      await Promise.all([set.close(), net.close()]);
    })();
    for (let i = 0; i < 20; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    console.log('open:', open());`);
  expect(stdout).toBe('open: 0\n');
});

test('a set that is open does not keep Node from ending, and ends with it', async () => {
  const { stdout } = await script(`
    const set = await unshare(['user', 'pid', 'mnt']);
    globalThis.kept = set;
    console.log(set.init);`);
  const init = Number(stdout);
  expect(init).toBeGreaterThan(0);
  await eventually(() => !isAlive(init));
});
