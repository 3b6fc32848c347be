/** Names of network namespaces in user and mount namespaces. See test/fixtures/scenario.ts. */
import { unshare } from '../../../lib';
import { networkNamespaces } from '../../../lib/network';
import { nodeArguments } from '../../fixtures/scenario';

/** A Node in new namespaces, in which it is root and has a /run of its own, and in there {@link namesInside}. */
export async function inOwnRun(): Promise<unknown> {
  const set = await unshare(['user', 'mnt']);
  try {
    await set.mount({ type: 'tmpfs', target: '/run' });
    const { stdout } = await set.execFile(process.execPath, nodeArguments(__filename, 'namesInside'));
    return JSON.parse(/^result: (.*)$/m.exec(stdout)?.[1] ?? 'null') as unknown;
  } finally {
    await set.close();
  }
}

export async function namesInside(): Promise<unknown> {
  const before = await networkNamespaces.list();
  for (const name of ['green', 'blue']) await networkNamespaces.add(name);
  const listed = await networkNamespaces.list();
  const host = await unshare('net');
  const byIp = (await host.execFile('ip', ['netns', 'list'])).stdout.match(/^\w+/gm)?.sort().join();
  const blue = await networkNamespaces.enter('blue');
  const devices = (await blue.execFile('ls', ['/sys/class/net'])).stdout.trim();
  const inside = (await networkNamespaces.identify(blue)).includes('blue');
  await Promise.all([blue.close(), host.close()]);
  await networkNamespaces.delete('blue');
  return { before, listed, byIp, devices, inside, after: await networkNamespaces.list() };
}

export async function addOne(name: string): Promise<void> {
  await networkNamespaces.add(name);
}

export async function persistOne(path: string): Promise<void> {
  const set = await unshare('net');
  await set.net?.persist(path);
  await set.close();
}
