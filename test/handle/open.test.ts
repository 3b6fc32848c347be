/** What is open, and where it was made. */
import { type OpenHandle, clone, openHandles, reportOpenHandles, spawn, traceHandles, unshare } from '../../lib';
import { Lab } from '../../lib/lab';
import { Network } from '../../lib/network';
import { describeHandles, registryOf } from '../../lib/handle/open';
import { eventually } from '../fixtures/footprint';

/** What is open that was not before. */
function newHandles(before: readonly OpenHandle[]): OpenHandle[] {
  return openHandles().filter((handle) => !before.includes(handle));
}

let before: OpenHandle[];
beforeEach(() => (before = openHandles()));

describe('openHandles()', () => {
  it('has a set with the line that made it, until it is closed', async () => {
    const set = await unshare(['user', 'uts']);
    const [handle, ...others] = newHandles(before);
    expect(others).toEqual([]);
    expect(handle?.what).toBe(`A NamespaceSet (${[...set].map(String).join(' ')})`);
    expect(handle?.madeAt.split('\n')[0]).toMatch(/^ +at .*open\.test\.ts:\d+:\d+/);
    await set.close();
    expect(newHandles(before)).toEqual([]);
  });

  it('has a network once, and none of the handles that the network has for itself', async () => {
    await using set = await unshare(['user', 'net', 'mnt']);
    await using network = await Network.open(set);
    await using forward = await network.forward({ host: 0, inside: 80 });
    expect(forward.port).toBeGreaterThan(0);
    expect(newHandles(before).map(({ what }) => what.split(' (')[0])).toEqual(['A NamespaceSet', 'A Network']);
  });

  it('has a lab once, and none of what is in it', async () => {
    const lab = await Lab.create({ networks: { lan: {} }, hosts: { a: { on: 'lan' } } });
    expect(newHandles(before).map(({ what }) => what)).toEqual([`A Lab (seed ${lab.seed})`]);
    await lab.close();
    expect(newHandles(before)).toEqual([]);
  });

  it('has a program while it runs, its file and its pid', async () => {
    const child = await spawn('cat');
    expect(newHandles(before).map(({ what }) => what)).toEqual([`A program, cat (pid ${child.pid})`]);
    child.stdin!.end();
    await child.exited;
    expect(newHandles(before)).toEqual([]);
  });

  it('has one that clone() has started as well', async () => {
    const child = await clone({ file: 'sleep', args: ['600'] });
    expect(newHandles(before).map(({ what }) => what)).toEqual([`A program, sleep (pid ${child.pid})`]);
    await child.close();
    await eventually(() => newHandles(before).length === 0);
  });

  it('says of programs where they were started only once it is asked to, because that costs time', async () => {
    const registry = registryOf(globalThis);
    await using unknown = await spawn('cat');
    traceHandles();
    try {
      await using known = await spawn('cat');
      const [first, second] = newHandles(before);
      expect([first?.what, first?.madeAt]).toEqual([`A program, cat (pid ${unknown.pid})`, '']);
      expect(second?.what).toBe(`A program, cat (pid ${known.pid})`);
      expect(second?.madeAt).toMatch(/^ +at .*open\.test\.ts:\d+:\d+/);
    } finally {
      registry.traced = false;
    }
  });

  it('is a list of its own each time', () => {
    openHandles().push({ what: 'nothing', madeAt: '' });
    expect(openHandles()).toEqual(before);
  });
});

describe('reportOpenHandles()', () => {
  it('writes them to standard error, and says how many they are', async () => {
    const written: string[] = [];
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    try {
      await using set = await unshare(['user']);
      expect(reportOpenHandles()).toBe(before.length + 1);
      expect(written).toEqual([`${describeHandles(openHandles())}\n`]);
      expect(written[0]).toContain(`A NamespaceSet (${String(set.user)})\n    at `);
    } finally {
      write.mockRestore();
    }
  });

  it('has its lines in one form', () => {
    const one = { what: 'A program, cat (pid 1)', madeAt: '' };
    expect(describeHandles([one])).toBe('1 handle of linux-ns is still open:\n  A program, cat (pid 1)');
    const two = { what: 'A NamespaceSet (user:[1])', madeAt: '    at /a.js:1:2' };
    expect(describeHandles([one, two])).toBe(
      '2 handles of linux-ns are still open:\n  A program, cat (pid 1)\n  A NamespaceSet (user:[1])\n    at /a.js:1:2',
    );
  });
});
