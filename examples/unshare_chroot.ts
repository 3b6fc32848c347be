/**
 * The wrapper in "Linux namespaces" (Wikipedia): `unshare --fork --pid chroot "${chrootdir}" "$@"`.
 *
 * Executes a command in a new pid namespace, with another directory as its root. There is nothing to fork: the command is
 * born in the namespace. A proc of it is mounted in the new root, if that has a place for it.
 *
 *     npx tsx examples/unshare_chroot.ts DIRECTORY command [argument...]
 *
 * chroot(1) takes root. As an ordinary user the command gets a user namespace as well, in which it is root.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'linux-ns';
import { endAs, fail } from './command-line';

async function main(): Promise<void> {
  const [root, file, ...args] = process.argv.slice(2);
  if (root === undefined || file === undefined)
    throw new Error('Usage: unshare_chroot DIRECTORY command [argument...]');
  const isRoot = process.geteuid?.() === 0;
  const child = await spawn(file, args, {
    unshare: isRoot ? ['pid', 'mnt'] : ['user', 'pid', 'mnt'],
    root,
    cwd: '/',
    mounts: existsSync(join(root, 'proc')) ? [{ type: 'proc', target: '/proc' }] : [],
    init: false,
    stdio: 'inherit',
  });
  await endAs(child);
}

main().catch(fail);
