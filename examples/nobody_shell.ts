/**
 * The C program (ns.c) of the article on namespaces with clone(2) and `ip netns`: new ipc, pid and mount namespaces, a
 * proc filesystem on /proc, and a shell as user 65534, which is "nobody" on Debian.
 *
 *     npx tsx examples/nobody_shell.ts
 *
 * `id` shows the user; `ps auxw` shows two processes and no more: the shell, which is process 1, and itself.
 *
 * In C the child mounts /proc and then becomes nobody. Here the shell is nobody from its start, and /proc is mounted
 * from outside. Without root there is a user namespace as well, in which 65534 stands for whoever runs this.
 */
import { type UnshareSpec, spawn } from 'linux-ns';
import { endAs, fail } from './command-line';

const NOBODY = 65534;

async function main(): Promise<void> {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const user: UnshareSpec['user'] = {
    uidMap: [{ inside: NOBODY, outside: uid, count: 1 }],
    gidMap: [{ inside: NOBODY, outside: gid, count: 1 }],
  };
  const shell = await spawn('bash', {
    unshare: { user: uid === 0 ? undefined : user, ipc: true, pid: true, mnt: true },
    init: false, // the shell itself is process 1
    uid: NOBODY,
    gid: NOBODY,
    stdio: ['pipe', 'inherit', 'inherit'],
  });

  const inside = await shell.namespaces();
  await inside.mount({ type: 'proc', target: '/proc' });
  await inside.close();

  // What one would type.
  shell.stdin!.end('id\nps auxw\n');
  await endAs(shell);
}

main().catch(fail);
