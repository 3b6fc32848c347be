/**
 * "Mount namespaces and shared subtrees" (LWN, 2016): which mounts are peers, in one namespace and across two.
 *
 *     npx tsx examples/shared_subtrees.ts
 *
 * The root is private, /X and /Y are shared. Then a second mount namespace is made, which gets a copy of all mounts; and
 * after that /X is bound on /Z in the first one. So there are two peer groups: X and Z here and X there; Y here and there.
 * /Z is not there: it was mounted after the copy was made, on a root that is private.
 */
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { type MountInfo, type NamespaceSet, peerGroups, unshare } from 'linux-ns';
import { fail } from './command-line';

const TOP = tmpdir();

async function main(): Promise<void> {
  await using first = await unshare({ user: true, mnt: { propagation: 'private' } });
  await first.mount({ type: 'tmpfs', target: TOP });
  await first.execFile(
    'mkdir',
    ['X', 'Y', 'Z'].map((name) => `${TOP}/${name}`),
  );
  for (const path of [`${TOP}/X`, `${TOP}/Y`]) {
    await first.mount({ type: 'tmpfs', target: path });
    await first.setPropagation(path, 'shared');
  }

  await using shell = await first.spawn('sleep', ['1000'], {
    unshare: { mnt: { propagation: 'unchanged' } },
    stdio: 'ignore',
  });
  await using second = await shell.namespaces();
  await first.mount({ bind: true, source: `${TOP}/X`, target: `${TOP}/Z` });

  const [here, there] = await Promise.all([mountsOf(first), mountsOf(second)]);
  show('first', here);
  show('second', there);
  for (const { id, peers } of peerGroups([...here, ...there]).values()) {
    const names = peers.map((peer) => `${basename(peer.target)}${there.includes(peer) ? "'" : ''}`);
    console.log(`peer group ${id}: ${names.join(' ')}`);
  }
}

/** X, Y and Z. */
async function mountsOf(set: NamespaceSet): Promise<MountInfo[]> {
  return (await set.mountinfo()).filter(({ target }) => dirname(target) === TOP);
}

function show(name: string, mounts: readonly MountInfo[]): void {
  for (const { target, shared, master } of mounts) {
    const fields = [shared === undefined ? [] : `shared:${shared}`, master === undefined ? [] : `master:${master}`];
    console.log(`${name.padEnd(7)} /${basename(target)} ${fields.flat().join(' ')}`);
  }
}

main().catch(fail);
