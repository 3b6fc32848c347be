/** The numbers that a list of ids gives lead to the namespaces, and can be given back. */
import { Lab } from '../../fixtures/lab';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.of(3);
});
afterEach(() => lab[Symbol.asyncDispose]());

test('each id leads to its namespace, and that to its id', async () => {
  const { net } = lab.at(0);
  const [one, two] = [lab.at(1).set.net!, lab.at(2).set.net!];
  expect(await net.nsid.list()).toEqual([]);
  expect(await net.nsid.get(one)).toBeUndefined();
  expect(await net.nsid.set(one, 77)).toBe(77);
  const next = await net.nsid.set(two);
  expect(await net.nsid.list()).toEqual([next, 77].sort((a, b) => a - b));
  for (const id of await net.nsid.list()) {
    await using found = await net.nsid.find(id);
    expect(found).toBeDefined();
    expect(await net.nsid.get(found!)).toBe(id);
    expect(found!.equals(id === 77 ? one : two)).toBe(true);
    await expect(net.nsid.set(found!, id)).rejects.toMatchObject({ code: 'EEXIST' });
  }
  expect(await net.nsid.find(78)).toBeUndefined();
});

test('the kernel gives one where the other end of a link is elsewhere', async () => {
  const { net } = lab.at(0);
  await net.link.add({ name: 'a', kind: 'veth', peer: { name: 'b', namespace: lab.at(1).set } });
  const { linkNsid } = await net.link.get('a');
  expect(await net.nsid.list()).toEqual([linkNsid]);
  await using other = await net.nsid.find(linkNsid!);
  expect(other!.equals(lab.at(1).set.net!)).toBe(true);
});

test('another network numbers for itself', async () => {
  await lab.at(0).net.nsid.set(lab.at(1).set, 5);
  expect(await lab.at(2).net.nsid.list()).toEqual([]);
  expect(await lab.at(2).net.nsid.set(lab.at(1).set)).toBe(0);
});
