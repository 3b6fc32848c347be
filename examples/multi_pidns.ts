/**
 * multi_pidns.c of "Namespaces in operation, part 3: PID namespaces" (LWN, January 2013).
 *
 * Nested pid namespaces: a process has a pid in its own and in each one above, so what is innermost is seen by all, and
 * sees itself alone.
 *
 *     npx tsx examples/multi_pidns.ts [levels, default 5]
 *
 * In C every level mounts a proc filesystem on another directory, /proc4 to /proc0. Here every level has a mount
 * namespace, with its own on /proc, and we look into it from outside through /proc/PID/root. And where C nests
 * processes, here they are started one after another: `setns` joins what `unshare` then nests in.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { type NamespaceProcess, type NamespaceSet, spawn } from 'linux-ns';
import { fail } from './command-line';

async function main(): Promise<void> {
  const levels = Number(process.argv[2] ?? 5);
  if (!(levels >= 1 && levels <= 32)) throw new Error('Usage: multi_pidns [levels, 1 to 32]');

  const sleepers: NamespaceProcess[] = [];
  try {
    await nest(levels, sleepers);
    sleepers.forEach(({ pid }, index) => {
      const level = levels - 1 - index;
      console.log(`/proc of level ${level} shows ${pidsIn(`/proc/${pid}/root/proc`).join(' ')}`);
    });
    const last = sleepers.at(-1)!;
    const pids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${last.pid}/status`, 'utf8'))?.[1] ?? '';
    console.log(`The last child's pids, from outside to inside: ${pids.split(/\s+/).join(' ')}`);
  } finally {
    // The first is the init of the outermost: what is nested in its pid namespace ends with it.
    await sleepers[0]?.close();
    await Promise.all(sleepers.map((sleeper) => sleeper.exited));
  }
}

async function nest(levels: number, sleepers: NamespaceProcess[]): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  let above: NamespaceSet | undefined;
  for (let level = levels - 1; level >= 0; level--) {
    const child: NamespaceProcess = await spawn('sleep', ['1000'], {
      setns: above,
      unshare: { user: isRoot || above !== undefined ? undefined : true, pid: true, mnt: true },
      init: false,
      stdio: 'ignore',
    });
    sleepers.push(child);
    await above?.close();
    above = await child.namespaces();
    console.log(`Mounting procfs at /proc of level ${level}`);
    await above.mount({ type: 'proc', target: '/proc' });
  }
  await above?.close();
}

function pidsIn(proc: string): number[] {
  const pids = readdirSync(proc).filter((name) => /^\d+$/.test(name));
  return pids.map(Number).sort((a, b) => a - b);
}

main().catch(fail);
