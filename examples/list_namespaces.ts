/**
 * The commands by which "Exploring Namespaces in Linux" (April 2021) and "Linux namespaces" (Wikipedia) look at namespaces:
 * `lsns`, `ls -l /proc/$$/ns`, `lsns -p PID`, `pstree -pN user`.
 *
 *     npx tsx examples/list_namespaces.ts
 *
 * Beside what there is it starts a program in new namespaces, so that there is something to see.
 */
import { NAMESPACE_KINDS, Namespace, spawn } from 'linux-ns';
import { type LsnsRow, lsns, processTree } from 'linux-ns/discovery';
import { fail } from './command-line';

async function main(): Promise<void> {
  await using child = await spawn('sleep', ['1000'], { unshare: ['user', 'uts', 'pid'], stdio: 'ignore' });

  console.log('$ lsns');
  print(await lsns());

  console.log('\n$ ls -l /proc/$$/ns');
  for (const link of [...NAMESPACE_KINDS, 'pid_for_children', 'time_for_children'] as const) {
    await using namespace = await Namespace.of('self', link);
    console.log(`${link} -> ${String(namespace)}`);
  }

  console.log(`\n$ lsns -p ${child.pid}`);
  print(await lsns({ pid: child.pid }));

  console.log('\n$ pstree -pN user');
  console.log(String(await processTree({ by: 'user' })));
}

function print(rows: readonly LsnsRow[]): void {
  console.log('        NS TYPE   NPROCS     PID USER     COMMAND');
  for (const { ns, type, nprocs, pid, user, command } of rows) {
    const numbers = [
      String(ns).padStart(10),
      type.padEnd(6),
      String(nprocs).padStart(6),
      String(pid ?? '').padStart(7),
    ];
    console.log([...numbers, user.padEnd(8), (command ?? '').slice(0, 40)].join(' ').trimEnd());
  }
}

main().catch(fail);
