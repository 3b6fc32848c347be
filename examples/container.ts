/**
 * The container of "Exploring Namespaces in Linux": an init of its own, and namespaces of every kind but two. It shares the
 * user and time namespaces with the host. The commands are those of the article, in its order: what `lsns`, `ps` and `pstree`
 * say on the host and in the container, where six kinds are the container's own. lsns is ours.
 *
 *     npx tsx examples/container.ts
 *
 * As an ordinary user it has a user namespace of its own as well: without one the kernel grants no other.
 */
import { execFileSync } from 'node:child_process';
import { Sandbox, hostUserland } from 'linux-ns';
import { type LsnsRow, lsns, processTree } from 'linux-ns/discovery';
import { fail } from './command-line';

async function main(): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  await using container = await Sandbox.create({
    ...hostUserland(),
    share: isRoot ? ['user'] : [],
    hostname: 'container',
  });
  await container.spawn('sleep', ['600'], { stdio: 'ignore' });
  const init = container.init;

  say('root@host # lsns -o NS,TYPE,PATH,PID,COMMAND,USER');
  print(await lsns());

  say('root@host # ps -e | grep -E "PID|init"');
  console.log(inits(execFileSync('ps', ['-e'], { encoding: 'utf8' })));
  say('root@container # ps -e | grep -E "PID|init"');
  console.log(inits((await container.execFile('ps', ['-e'])).stdout));

  say('root@host # pstree -pN pid');
  console.log(String(await processTree({ by: 'pid' })));
  // pstree begins with process 1, and a sandbox's init shows nothing of itself to programs inside: ps has the namespace.
  say('root@container # ps -eo pidns,pid,ppid,comm');
  console.log((await container.execFile('ps', ['-eo', 'pidns,pid,ppid,comm'])).stdout.trimEnd());

  say(`root@host # lsns -p ${process.pid} -o NS,TYPE,PATH,PID,COMMAND,USER`);
  print(await lsns({ pid: process.pid }));
  say(`root@host # lsns -p ${init} -o NS,TYPE,PATH,PID,COMMAND,USER`);
  print(await lsns({ pid: init }));
}

function say(command: string): void {
  console.log(`\n${command}`);
}

function inits(processes: string): string {
  return processes
    .split('\n')
    .filter((line) => /PID|init/.test(line))
    .join('\n');
}

function print(rows: readonly LsnsRow[]): void {
  console.log('        NS TYPE   PATH                      PID COMMAND                   USER');
  for (const { ns, type, path, pid, command, user } of rows) {
    const cells = [
      String(ns).padStart(10),
      type.padEnd(6),
      (path ?? '').padEnd(21),
      String(pid ?? '').padStart(7),
      (command ?? '').slice(0, 25).padEnd(25),
      user,
    ];
    console.log(cells.join(' '));
  }
}

main().catch(fail);
