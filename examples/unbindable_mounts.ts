/**
 * "Mount namespaces, mount propagation, and unbindable mounts" (LWN, 2016), its second half: the mount explosion.
 *
 *     npx tsx examples/unbindable_mounts.ts
 *
 * Three users shall each have the whole tree below their home directory, by a recursive bind mount. But each such copy
 * has the copies in it that were made before: 1, 2, 4, 8 times the mounts. A copy that is unbindable is left out.
 */
import { tmpdir } from 'node:os';
import { unshare } from 'linux-ns';
import { fail } from './command-line';

const TOP = tmpdir();
const USERS = ['cecilia', 'henry', 'otto'];

async function main(): Promise<void> {
  console.log(`bindable:   ${(await countMounts('private')).join(' ')}`);
  console.log(`unbindable: ${(await countMounts('unbindable')).join(' ')}`);
}

/** How many mounts there are, after each user's. */
async function countMounts(propagation: 'private' | 'unbindable'): Promise<number[]> {
  await using set = await unshare({ user: true, mnt: { propagation: 'private' } });
  await set.mount({ type: 'tmpfs', target: TOP });
  await set.execFile('mkdir', ['-p', `${TOP}/tree`, ...USERS.map((user) => `${TOP}/home/${user}`)]);
  await set.mount({ bind: true, source: TOP, target: TOP });
  const counts = [];
  for (const user of USERS) {
    const target = `${TOP}/home/${user}`;
    await set.mount({ bind: true, recursive: true, source: TOP, target });
    await set.setPropagation(target, propagation);
    const mounts = await set.mountinfo();
    counts.push(mounts.filter((mount) => mount.target.startsWith(`${TOP}/`)).length);
  }
  return counts;
}

main().catch(fail);
