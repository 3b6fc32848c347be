import { stripVTControlCharacters, inspect } from 'node:util';
import { Namespace, type NamespaceProcess, Sandbox, clone, hostUserland, spawn, unshare } from '../../lib';
import { discover } from '../../lib/discovery/discover';
import { Network } from '../../lib/network/network';
import { needs } from '../fixtures/optional';

describe('an object is printed as a short line', () => {
  test('a program: which it is, and that it runs or how it ended', async () => {
    const child = await spawn('sh', ['-c', 'read line; exit 3']);
    expect(inspect(child)).toBe(`NamespaceProcess { pid: ${child.pid}, running, file: 'sh' }`);
    child.stdin!.end();
    await child.exited;
    expect(inspect(child)).toBe(`NamespaceProcess { pid: ${child.pid}, code: 3, file: 'sh' }`);
    await child.close();
  });

  test('String() of it is the same line, unless it has a text of its own', async () => {
    await using child = await spawn('sh', ['-c', 'read line']);
    await using set = await unshare(['user', 'net']);
    expect(String(child as unknown)).toBe(inspect(child));
    expect(String(set as unknown)).toBe(`NamespaceSet { net:[${set.net!.id}], user:[${set.user!.id}] }`);
    expect(String(set.net)).toBe(`net:[${set.net!.id}]`);
    expect(Object.keys(child)).not.toContain('toString');
  });

  test('a program that a signal ended', async () => {
    const child = await spawn('sleep', ['600']);
    child.kill('SIGKILL');
    await child.exited;
    expect(inspect(child)).toBe(`NamespaceProcess { pid: ${child.pid}, signal: 'SIGKILL', file: 'sleep' }`);
    await child.close();
  });

  test('a program with an init', async () => {
    await using child = await spawn('sleep', ['600'], { unshare: ['user', 'pid'] });
    const [, init] = /^NamespaceProcess \{ pid: \d+, running, file: 'sleep', init: (\d+) \}$/.exec(inspect(child))!;
    expect(Number(init)).not.toBe(child.pid);
    expect(process.kill(Number(init), 0)).toBe(true);
  });

  test('a file name cannot forge the line', async () => {
    await using child = await spawn('/bin/sh', ['-c', 'exit 0'], { argv0: 'x' });
    Object.defineProperty(child, 'spawnfile', { value: "\u001b[2Ja' }\n" });
    await child.exited;
    expect(inspect(child)).toBe(`NamespaceProcess { pid: ${child.pid}, code: 0, file: "\\x1B[2Ja' }\\n" }`);
  });

  test('a process without streams', async () => {
    const child = await clone({ file: 'sleep', args: ['600'] });
    expect(inspect(child)).toBe(`ClonedProcess { pid: ${child.pid}, running }`);
    await child.close();
    expect(inspect(child)).toBe(`ClonedProcess { pid: ${child.pid}, ended }`);
  });

  test('a terminal', async () => {
    const child = await spawn('sleep', ['600'], { pty: { cols: 100 } });
    expect(inspect(child.pty)).toBe('Pty { cols: 100, rows: 24 }');
    await child.close();
    expect(inspect(child.pty)).toBe('Pty { cols: 100, rows: 24, closed }');
  });

  test('a namespace', async () => {
    const net = await Namespace.of('self', 'net');
    expect(inspect(net)).toBe(`Namespace { net:[${net.id}] }`);
    await net.close();
    expect(inspect(net)).toBe(`Namespace { net:[${net.id}], closed }`);
  });

  test('a set: its namespaces and its init', async () => {
    const set = await unshare(['user', 'net', 'pid']);
    const members = [...set].map(String).join(', ');
    expect(inspect(set)).toBe(`NamespaceSet { ${members}, init: ${set.init} }`);
    await set.close();
    expect(inspect(set)).toBe(`NamespaceSet { ${members}, closed }`);
  });

  test('a sandbox: its init, and how many programs run in it', async () => {
    const sandbox = await Sandbox.create(hostUserland());
    const { init } = sandbox;
    expect(inspect(sandbox)).toBe(`Sandbox { init: ${init}, programs: 0 }`);
    await sandbox.spawn('sleep', ['600']);
    expect(inspect(sandbox)).toBe(`Sandbox { init: ${init}, programs: 1 }`);
    await sandbox.close();
    expect(inspect(sandbox)).toMatch(/^Sandbox \{ programs: \d, closed \}$/);
  });

  test('a network', async () => {
    const network = await Network.open();
    const line = `Network { ${String(network.namespace)} }`;
    expect(inspect(network)).toBe(line);
    await network.close();
    expect(inspect(network)).toBe(line.replace(' }', ', closed }'));
  });

  needs({ root: true }).test('a persistent namespace', async () => {
    await using set = await unshare(['net']);
    await using kept = await set.net!.persist(`/run/linux-ns-inspect-${process.pid}`);
    expect(inspect(kept)).toBe(`PersistentNamespace { ${String(set.net)}, path: '${kept.path}' }`);
  });

  test('what was discovered', async () => {
    const map = await discover({ kinds: ['net'] });
    expect(inspect(map)).toBe(`NamespaceMap { ${map.size} namespaces, ${map.processes.length} processes }`);
    const own = map.processes.find(({ pid }) => pid === process.pid)!;
    expect(inspect(own)).toBe(`DiscoveredProcess { pid: ${own.pid}, command: ${inspect(own.command)} }`);
  });
});

describe('the options of util.inspect() count', () => {
  let child: NamespaceProcess;
  beforeAll(async () => {
    child = await spawn('true', []);
    await child.exited;
  });
  afterAll(() => child.close());

  test('below its depth an object is only named, as those of Node', () => {
    const nodes = new Map([[1, 1]]);
    expect(inspect({ child, nodes }, { depth: 0 })).toBe('{ child: [NamespaceProcess], nodes: [Map] }');
    expect(inspect({ list: [child] }, { depth: 1 })).toBe('{ list: [ [NamespaceProcess] ] }');
    expect(inspect({ child }, { depth: null })).toBe(`{ child: ${inspect(child)} }`);
  });

  test('colors', () => {
    const colored = inspect(child, { colors: true });
    expect(colored).toContain(inspect(child.pid, { colors: true }));
    expect(stripVTControlCharacters(colored)).toBe(inspect(child));
  });

  test('customInspect: false shows its insides', () => {
    expect(inspect(child, { customInspect: false })).toContain('spawnargs: [');
  });

  test('numericSeparator is handed on', () => {
    Object.defineProperty(child, 'pid', { value: 1234567 });
    expect(inspect(child, { numericSeparator: true })).toContain('pid: 1_234_567');
  });
});

test('the prototype, which is no such object, can be printed', () => {
  expect(inspect(Object.getPrototypeOf(Namespace.prototype))).toEqual(expect.any(String));
  expect(inspect(Namespace.prototype)).toEqual(expect.any(String));
});
