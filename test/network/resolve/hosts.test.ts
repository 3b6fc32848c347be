import { addressesInHosts } from '../../../lib/network/resolve/hosts';

const text = `
# comment www.lab.test
127.0.0.1	localhost
10.0.0.1 www.lab.test www   # not: other.lab.test
  fd00::1   WWW.Lab.Test
10.0.0.2 www.lab.test
10.0.0.1000 no.address
www.lab.test 10.0.0.3
10.0.0.4
`;

test.each<[name: string, addresses: string[]]>([
  ['www.lab.test', ['10.0.0.1', 'fd00::1', '10.0.0.2']],
  ['WWW.LAB.TEST.', ['10.0.0.1', 'fd00::1', '10.0.0.2']],
  ['www', ['10.0.0.1']],
  ['localhost', ['127.0.0.1']],
  ['lab.test', []],
  ['other.lab.test', []],
  ['no.address', []],
  ['10.0.0.3', []],
  ['', []],
])('%p has the addresses of all its lines, in their order', async (name, addresses) => {
  expect(await addressesInHosts(text, name)).toEqual(addresses);
});

test('a file that is not there has none', async () => {
  expect(await addressesInHosts(null, 'localhost')).toEqual([]);
});

test('one without a newline at its end is read to its end', async () => {
  expect(await addressesInHosts('10.0.0.1 here', 'here')).toEqual(['10.0.0.1']);
});

test('one of a million lines leaves the event loop room', async () => {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const many = `${'10.0.0.1 a\n'.repeat(1_000_000)}10.0.0.2 last\n`;
  expect(await addressesInHosts(many, 'last')).toEqual(['10.0.0.2']);
  isOver = true;
  // By hand it takes half a second.
  expect(turns).toBeGreaterThan(20);
});
