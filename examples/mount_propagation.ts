/**
 * "Mount namespaces, mount propagation, and unbindable mounts" (LWN, 2016), its first half: what a mount in one namespace
 * does in another.
 *
 *     npx tsx examples/mount_propagation.ts
 *
 * Something is mounted below a shared, a private and a slave mount, once in a mount namespace and once in the one that was
 * copied from it, and each time both are asked what they see.
 */
import { tmpdir } from 'node:os';
import { type NamespaceSet, type Propagation, unshare } from 'linux-ns';
import { fail } from './command-line';

const TOP = tmpdir();

async function main(): Promise<void> {
  for (const propagation of ['shared', 'private', 'slave'] as const) await show(propagation);
}

/** A mount point that is shared in the parent, and in the child what is asked for. */
async function show(propagation: Propagation): Promise<void> {
  await using parent = await unshare({ user: true, mnt: { propagation: 'private' } });
  await parent.mount({ type: 'tmpfs', target: TOP });
  await parent.setPropagation(TOP, 'shared');
  await parent.execFile('mkdir', [`${TOP}/a`, `${TOP}/b`]);
  await using shell = await parent.spawn('sleep', ['1000'], {
    unshare: { mnt: { propagation: 'unchanged' } },
    stdio: 'ignore',
  });
  await using child = await shell.namespaces();
  await child.setPropagation(TOP, propagation);

  await parent.mount({ type: 'tmpfs', target: `${TOP}/a` });
  await child.mount({ type: 'tmpfs', target: `${TOP}/b` });
  const seen = [await mountedIn(parent), await mountedIn(child)];
  console.log(`${propagation}: parent ${seen[0]}, child ${seen[1]}`);
}

/** Which of the two are mounted there. */
async function mountedIn(set: NamespaceSet): Promise<string> {
  const targets = (await set.mountinfo()).map(({ target }) => target);
  return ['a', 'b'].filter((name) => targets.includes(`${TOP}/${name}`)).join(' ');
}

main().catch(fail);
