/**
 * `readlink /proc/PID/ns/mnt` before and after `unshare -m`, of the article on the namespaces API and the kernel's
 * copy_namespaces().
 *
 * Two processes are in one namespace when the number of their links is the same; then they see the same mounts, too. The
 * number is that of the namespace: the link in /proc has an inode of its own, which says nothing.
 *
 *     npx tsx examples/unshare_mount.ts
 */
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type NamespaceProcess, spawn, unshare } from 'linux-ns';
import { fail } from './command-line';

async function main(): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  const sleep = ['sleep', ['1000'], { stdio: 'ignore' }] as const;

  await using before = await spawn(...sleep);
  await using inside = await unshare({ user: isRoot ? undefined : true, mnt: true });
  await inside.mount({ type: 'tmpfs', target: tmpdir() });
  await using after = await inside.spawn(...sleep);
  await using another = await inside.spawn(...sleep);

  const processes: [string, Pick<NamespaceProcess, 'pid'>][] = [
    ['this process', process],
    ['its child', before],
    ['after unshare -m', after],
    ['another in there', another],
  ];
  for (const [what, { pid }] of processes) {
    const mounts = createHash('md5')
      .update(readFileSync(`/proc/${pid}/mounts`))
      .digest('hex');
    console.log(`${what.padEnd(18)} ${readlinkSync(`/proc/${pid}/ns/mnt`)}  mounts ${mounts}`);
  }
  const link = `/proc/${after.pid}/ns/mnt`;
  console.log(`inode of what the link leads to: ${statSync(link).ino}, of the link itself: ${lstatSync(link).ino}`);
}

main().catch(fail);
