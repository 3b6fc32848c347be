/**
 * pidns_init_sleep.c of "Namespaces in operation, part 3: PID namespaces" (LWN, January 2013).
 *
 * A child in a new pid namespace is process 1 there, without a parent. A proc filesystem shows the pids of the pid
 * namespace in which it is mounted: so one is mounted inside, on the directory given, which is made if need be.
 *
 *     npx tsx examples/pidns_init_sleep.ts /tmp/proc2 [seconds that the child sleeps, default 600]
 *
 * In C the mount stays on the host and has to be undone by hand. Here it is in a mount namespace, and goes with it.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { spawn } from 'linux-ns';
import { fail } from './command-line';

async function main(): Promise<void> {
  const [directory, seconds = '600'] = process.argv.slice(2);
  if (directory === undefined) throw new Error('Usage: pidns_init_sleep <proc-mountpoint> [seconds]');
  const mountPoint = resolve(directory);
  mkdirSync(mountPoint, { recursive: true, mode: 0o755 });
  const isRoot = process.geteuid?.() === 0;

  // Without an init of ours it is `sleep` that has pid 1, as in the article.
  const child = await spawn('sleep', [seconds], {
    unshare: { user: isRoot ? undefined : true, pid: true, mnt: true },
    init: false,
    stdio: 'ignore',
  });
  console.log(`PID returned by spawn(): ${child.pid}`);

  // A child that was started knows its namespaces: they can be used from here.
  const inside = await child.namespaces();
  console.log(`Mounting procfs at ${mountPoint}`);
  await inside.mount({ type: 'proc', target: mountPoint });
  const status = await inside.readFile(`${mountPoint}/1/status`, 'utf8');
  await inside.close();
  for (const field of ['Name', 'Pid', 'PPid']) {
    console.log(`child: ${field} = ${new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '?'}`);
  }

  await child.exited;
  console.log('child has terminated');
}

main().catch(fail);
