/** What a link may be called, and by what it is found. */
import { Lab } from '../../fixtures/lab';
import { needs } from '../../fixtures/optional';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.of(2);
});
afterEach(() => lab[Symbol.asyncDispose]());

/** What the kernel takes, and shows: everything that is not too long. */
const NAMES = ['a:b', '.', '..', 'a b', ' ', 'a/b', 'à', 'ж', '%d', `${'long and '.repeat(14)}!`];

test('an alternative name may have anything in it, and is one to find, to change and to delete a link by', async () => {
  const { net } = lab.at(0);
  await net.link.add({ name: 'br0', kind: 'bridge' });
  await net.link.set('br0', { addNames: NAMES });
  expect((await net.link.get('br0')).alternativeNames).toEqual(NAMES);
  for (const name of NAMES) {
    expect((await net.link.get(name)).name).toBe('br0');
    await net.link.set(name, { alias: `of ${name}` });
    expect((await net.link.get('br0')).alias).toBe(`of ${name}`);
  }
  await net.address.add('..', '10.0.0.1/24');
  expect(await net.address.list({ link: 'a b' })).toMatchObject([{ address: '10.0.0.1', link: 'br0' }]);
  await net.link.set('a/b', { removeNames: NAMES.filter((name) => name !== 'a:b') });
  expect((await net.link.get('br0')).alternativeNames).toEqual(['a:b']);
  await net.link.delete('a:b');
  expect((await net.link.list()).map(({ name }) => name)).toEqual(['lo']);
});

needs({ tool: ['ip'] }).test('so are those that ip(8) has given', async () => {
  const { net, set } = lab.at(0);
  await net.link.add({ name: 'br0', kind: 'bridge' });
  for (const name of ['a:b', '.', '..', 'à'])
    await set.execFile('ip', ['link', 'property', 'add', 'dev', 'br0', 'altname', name]);
  for (const name of ['a:b', '.', '..', 'à']) expect((await net.link.get(name)).name).toBe('br0');
});

test('a name that is not UTF-8 is shown with a sign in its place, and its link is found by its index', async () => {
  const { net, set } = lab.at(0);
  await set.execFile('bash', ['-c', "ip link add $'a\\xffb' type bridge"]);
  const [, link] = await net.link.list();
  expect(link!.name).toBe('a\ufffdb');
  await expect(net.link.get(link!.name)).rejects.toMatchObject({
    code: 'ENODEV',
    hint: expect.stringContaining('call the link by its index') as string,
  });
  await net.link.delete(link!.index);
});

test.each([
  ['à', /a byte of it, 0xa0/],
  ['xàx', /must not have 'à'/],
  ['\ud800', /UTF-8/],
  ['a\u2028b', /no white space/],
  ['..', /not be '\.' or '\.\.'/],
  ['a:b', /no ':'/],
  ['sixteen-letters-', /1 to 15 bytes/],
])('%j cannot be the name of a link, and the error says why', async (name, message) => {
  const { net } = lab.at(0);
  await net.link.add({ name: 'br0', kind: 'bridge' });
  const refused = { code: 'ERR_INVALID_ARG_VALUE', message: expect.stringMatching(message) as string };
  await expect(net.link.add({ name, kind: 'bridge' })).rejects.toMatchObject(refused);
  await expect(net.link.set('br0', { name })).rejects.toMatchObject(refused);
  await expect(net.link.add({ name: 'v', kind: 'veth', peer: { name } })).rejects.toMatchObject(refused);
});

test('an error calls the link what the caller calls it', async () => {
  const { net } = lab.at(0);
  await net.link.add({ name: 'one', kind: 'bridge' });
  await net.link.add({ name: 'two', kind: 'bridge' });
  await net.link.set('one', { addNames: ['first'] });
  await expect(net.link.set('first', { name: 'two' })).rejects.toMatchObject({
    code: 'EEXIST',
    step: 'set link first',
  });
  await expect(net.link.set('one', { group: 5, mtu: 7 })).rejects.toMatchObject({ step: 'set link one' });
  await expect(net.link.set('one', { name: 'x', addNames: ['two'] })).rejects.toMatchObject({
    step: 'add names of link one',
  });
  await expect(net.link.set('one', { name: 'x', removeNames: ['two'] })).rejects.toMatchObject({
    step: 'remove names of link one',
  });
  const index = (await net.link.get('one')).index;
  await expect(net.link.set(index, { name: 'two' })).rejects.toMatchObject({ step: `set link ${index}` });
});
