import { Names } from '../../../../lib/network/egress/names/names';
import { CODE, type Query, type RecordType, type Reply } from '../../../../lib/network/resolve/dns-message';
import { fuzz } from './fuzz';

const all = (): boolean => true;
const onlyTest = (name: string): boolean => name.endsWith('.test');

const questionFor = (name: string, type: RecordType | undefined): Query => ({
  name,
  type,
  code: CODE.NOERROR,
  head: Buffer.alloc(12),
});

/** The answer to a question. */
function ask(names: Names, name: string, type: RecordType = 'A'): Reply | undefined {
  return names.respond(questionFor(name, type)).reply;
}

const addressOf = (names: Names, name: string): string => ask(names, name)?.values[0] ?? 'none';

/** So many names are asked for. */
function flood(names: Names, count: number, suffix: string): void {
  for (let index = 0; index < count; index++) names.addressOf(`flood-${index}.${suffix}`, 4);
}

describe('a name', () => {
  test('has an address of its own in each family, which stays, and leads back to the name', () => {
    const names = new Names(all, true);
    const v4 = addressOf(names, 'a.test');
    const v6 = ask(names, 'a.test', 'AAAA')?.values[0] ?? 'none';
    expect(v4).toMatch(/^198\.1[89]\.\d+\.\d+$/);
    expect(v6).toMatch(/^fd2a:6f1c:93e4::/);
    expect(addressOf(names, 'a.test')).toBe(v4);
    expect(addressOf(names, 'b.test')).not.toBe(v4);
    expect([v4, v6, `::ffff:${v4}`].map((address) => names.nameOf(address))).toEqual(['a.test', 'a.test', 'a.test']);
  });

  test('that is not allowed has one too, so that the refusal can be told', () => {
    const names = new Names(() => false, true);
    expect(names.nameOf(addressOf(names, 'evil.example'))).toBe('evil.example');
  });

  test('is found by its address in the way of DNS', () => {
    const names = new Names(all, true);
    const [v4, v6] = [addressOf(names, 'a.test'), names.addressOf('a.test', 6) ?? ''];
    expect(ask(names, `${v4.split('.').reverse().join('.')}.in-addr.arpa`, 'PTR')?.values).toEqual(['a.test']);
    const parts = v6.replace('::', ':0:0:0:0:').split(':');
    const nibbles = parts.map((part) => part.padStart(4, '0')).join('');
    expect(ask(names, `${Array.from(nibbles).reverse().join('.')}.ip6.arpa`, 'PTR')?.values).toEqual(['a.test']);
    expect(ask(names, '8.8.8.8.in-addr.arpa', 'PTR')?.code).toBe(CODE.NXDOMAIN);
    expect(ask(names, 'a.test', 'PTR')?.code).toBe(CODE.NXDOMAIN);
  });

  test('of the loopback has the address of the loopback: RFC 6761', () => {
    const names = new Names(all, true);
    expect(ask(names, 'localhost')?.values).toEqual(['127.0.0.1']);
    expect(ask(names, 'db.localhost', 'AAAA')?.values).toEqual(['::1']);
    expect(names.size).toBe(0);
  });

  test.each([
    ['has 64 letters between dots', `${'a'.repeat(64)}.test`],
    ['has 254 letters', `${'abcdefg.'.repeat(31)}abcdef`],
    ['has a NUL', 'a\0b.test'],
    ['has a space', 'a b.test'],
    ['has letters beyond ASCII, which DNS does not send so', 'bücher.test'],
    ['has an empty part', 'a..test'],
    ['ends in a number', '10.0.0.1'],
  ])('that %s does not exist', (_, name) => {
    const names = new Names(all, true);
    expect(ask(names, name)).toMatchObject({ code: CODE.NXDOMAIN, values: [] });
    expect(names.size).toBe(0);
  });

  test('has no other records, and to ask for those takes no address', () => {
    const names = new Names(all, true);
    const question = questionFor('a.test', undefined);
    expect(names.respond(question).reply).toMatchObject({ code: CODE.NOERROR, values: [] });
    expect(ask(names, '')).toMatchObject({ code: CODE.NOERROR, values: [] });
    expect(names.respond({ ...question, code: CODE.FORMERR }).reply?.code).toBe(CODE.FORMERR);
    expect(names.size).toBe(0);
  });

  test('has no address of IPv6 where programs inside cannot use one', () => {
    const names = new Names(all, false);
    expect(ask(names, 'a.test', 'AAAA')).toMatchObject({ code: CODE.NOERROR, values: [] });
    expect(ask(names, 'a.test')?.values).toHaveLength(1);
  });
});

test('an address that could stand for a name is known as such, even if it stands for none', () => {
  const names = new Names(all, true);
  const some = ['198.18.200.1', 'fd2a:6f1c:93e4::1', '::ffff:198.19.0.1', '198.20.0.0', 'fd2a:6f1c:93e5::', '8.8.8.8'];
  expect(some.map((address) => names.isInside(address))).toEqual([true, true, true, false, false, false]);
  expect(some.map((address) => names.nameOf(address))).toEqual(Array(6).fill(undefined));
  expect(names.nameOf('not an address')).toBeUndefined();
});

describe('a flood of names', () => {
  test('pushes out its own, and takes no more memory than that', () => {
    const names = new Names(all, true);
    flood(names, 200_000, 'test');
    expect(names.size).toBe(16_384);
    expect(names.nameOf(names.addressOf('flood-0.test', 4) ?? '')).toBe('flood-0.test');
  });

  test('that are not allowed pushes out none that may be', () => {
    const names = new Names(onlyTest, true);
    const address = addressOf(names, 'a.test');
    flood(names, 200_000, 'evil.example');
    expect(names.size).toBe(1024 + 1);
    expect(names.nameOf(address)).toBe('a.test');
    expect(addressOf(names, 'a.test')).toBe(address);
  });

  test('that are allowed pushes out none that was connected to, and none that is', () => {
    const names = new Names(onlyTest, true);
    const [open, closed] = [addressOf(names, 'open.test'), addressOf(names, 'closed.test')];
    names.hold('open.test');
    names.hold('closed.test')();
    flood(names, 200_000, 'x.test');
    expect([open, closed].map((address) => names.nameOf(address))).toEqual(['open.test', 'closed.test']);
  });

  test('meets no address again before all others had their turn', () => {
    const names = new Names(all, true);
    const seen = new Set(Array.from({ length: 130_000 }, (_, index) => names.addressOf(`n${index}.test`, 4)));
    expect(seen.size).toBe(130_000);
  });

  test('where all are connected to has no address for one more, and has when one connection has ended', () => {
    const names = new Names(all, true);
    const releases = Array.from({ length: 16_384 }, (_, index) => {
      names.addressOf(`n${index}.test`, 4);
      return names.hold(`n${index}.test`);
    });
    const addresses = [names.addressOf('n0.test', 4), names.addressOf('n16383.test', 4)];
    expect(ask(names, 'more.test')?.code).toBe(CODE.SERVFAIL);
    expect(addresses.map((address) => names.nameOf(address ?? ''))).toEqual(['n0.test', 'n16383.test']);
    releases[5]?.();
    expect(ask(names, 'more.test')?.code).toBe(CODE.NOERROR);
    expect(names.nameOf(names.addressOf('more.test', 4) ?? '')).toBe('more.test');
  });
});

test('a name is held by each of its connections, and a connection lets go once', () => {
  const names = new Names(onlyTest, true);
  const address = addressOf(names, 'evil.example');
  const [one, two] = [names.hold('evil.example'), names.hold('evil.example')];
  one();
  one();
  flood(names, 2000, 'evil.example');
  expect(names.nameOf(address)).toBe('evil.example');
  two();
  flood(names, 4000, 'other.example');
  expect(names.nameOf(address)).toBeUndefined();
});

test('a name that becomes allowed is kept as such', () => {
  const allowed = new Set<string>();
  const names = new Names((name) => allowed.has(name), true);
  const address = addressOf(names, 'late.example');
  allowed.add('late.example');
  expect(addressOf(names, 'late.example')).toBe(address);
  flood(names, 4000, 'evil.example');
  expect(names.nameOf(address)).toBe('late.example');
});

test('whatever is sent, each answer has the address of the name that was asked for, and no more are kept', () => {
  expect(fuzz(20_000, 7).answered).toBeGreaterThan(500);
});
