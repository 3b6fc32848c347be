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
])('%p has the addresses of all its lines, in their order', (name, addresses) => {
  expect(addressesInHosts(text, name)).toEqual(addresses);
});

test('a file that is not there has none', () => {
  expect(addressesInHosts(null, 'localhost')).toEqual([]);
});
