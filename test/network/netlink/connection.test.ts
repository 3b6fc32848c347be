import { constants } from 'node:os';
import { type NamespaceSet, unshare } from '../../../lib';
import { Network } from '../../../lib/network';
import { dumpLinks, findLink } from '../../../lib/network/link/lookup';
import { Connection } from '../../../lib/network/netlink/connection';
import { native } from '../../../lib/native';
import type { NativeNetlink } from '../../../types/native';
import { resultOf } from '../../fixtures/scenario';

let set: NamespaceSet;
let net: Network;
beforeAll(async () => {
  set = await unshare(['user', 'net']);
  net = await Network.open(set);
  const names = Array.from({ length: 100 }, (_, i) => `link${i}`);
  await Promise.all(names.map((name) => net.link.add({ name, kind: 'bridge' })));
});
afterAll(async () => {
  await net.close();
  await set.close();
});

async function openSocket(): Promise<number> {
  const fd = await net.socket('netlink', 'raw');
  native().adopt(fd);
  return fd;
}

async function connect(receiveBuffer: number): Promise<Connection> {
  return new Connection(await openSocket(), { receiveBuffer, another: openSocket });
}

/** What net.core.rmem_max is as a rule, and so the most that an ordinary user gets. */
const USUAL = 212_992;

test('a thousand requests in flight are each answered, with a buffer that every user may have', async () => {
  const connection = await connect(USUAL);
  const wanted = Array.from({ length: 1000 }, (_, i) => `link${i % 101}`);
  const found = await Promise.allSettled(wanted.map((name) => findLink(connection, name)));
  connection.close();
  found.forEach((outcome, i) => {
    if (wanted[i] === 'link100') {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ENODEV' } });
    } else {
      expect(outcome).toMatchObject({ status: 'fulfilled', value: { attributes: { IFNAME: wanted[i] } } });
    }
  });
});

test('lists and single requests take turns on one socket', async () => {
  const connection = await connect(USUAL);
  const [all, one, again] = await Promise.all([
    dumpLinks(connection),
    findLink(connection, 'link7'),
    dumpLinks(connection),
  ]);
  connection.close();
  expect(all).toHaveLength(101);
  expect(again).toHaveLength(101);
  expect(one.attributes.IFNAME).toBe('link7');
});

test('where the answers do not fit the request fails with the reason, and the next is answered', async () => {
  const connection = await connect(8192);
  const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => findLink(connection, 'link1')));
  const lost = outcomes.filter(({ status }) => status === 'rejected');
  expect(lost.length).toBeGreaterThan(0);
  for (const outcome of lost) {
    expect(outcome).toMatchObject({
      reason: {
        name: 'NamespaceError',
        code: 'ENOBUFS',
        step: 'get link link1',
        hint: expect.stringContaining('rmem_max') as string,
      },
    });
  }
  expect((await findLink(connection, 'link1')).attributes.IFNAME).toBe('link1');
  connection.close();
});

test('a list is whole, however much comes and goes meanwhile', async () => {
  await using other = await Network.open(set);
  let [isOver, rounds] = [false, 0];
  const restless = (async () => {
    for (; !isOver; rounds++) {
      await other.link.add({ name: 'comes', kind: 'bridge' });
      await other.link.delete('comes');
    }
  })();
  for (let i = 0; i < 150 || rounds < 3; i++) {
    const names = (await net.link.list()).map(({ name }) => name).filter((name) => name !== 'comes');
    expect(new Set(names).size).toBe(101);
    expect(names).toHaveLength(101);
  }
  isOver = true;
  await restless;
});

test('closing it rejects what is under way and what waits, and closes the socket', async () => {
  const connection = await connect(USUAL);
  const asked = Array.from({ length: 200 }, () => dumpLinks(connection));
  await new Promise((resolve) => setImmediate(resolve));
  connection.close();
  const late = dumpLinks(connection);
  for (const outcome of await Promise.allSettled([...asked, late])) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_LINUX_NS_CLOSED' } });
  }
});

test('a socket that somebody else has closed is an error, and nothing waits for it', async () => {
  const outcome = await resultOf(require.resolve('./scenarios'), 'closedByAnother');
  expect(outcome).toEqual({ errno: constants.errno.EBADF, syscall: 'recvmsg' });
});

test('an acknowledgement that is cut short is an error of its request', async () => {
  const answer = Buffer.alloc(20);
  answer.writeUInt32LE(20, 0);
  answer.writeUInt16LE(2, 4); // NLMSG_ERROR, which says that attributes follow
  answer.writeUInt16LE(0x200, 6);
  const open = jest.spyOn(native(), 'openNetlink').mockReturnValue({
    exchange: (bytes: Buffer, _: Uint32Array, done: Parameters<NativeNetlink['exchange']>[2]) => {
      answer.writeUInt32LE(bytes.readUInt32LE(8), 8);
      setImmediate(() => done(answer, 0, '', 1));
    },
    close: () => undefined,
  } as never);
  const connection = new Connection(-1, { receiveBuffer: USUAL, another: openSocket });
  open.mockRestore();
  await expect(findLink(connection, 'lo')).rejects.toMatchObject({ code: 'ERR_LINUX_NS_MALFORMED_MESSAGE' });
  connection.close();
});
