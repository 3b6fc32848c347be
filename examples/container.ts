/**
 * The container of "Linux Namespaces" by way of LXC: an init of its own, and namespaces of every kind but two. It shares
 * the user and time namespaces with the host. What `lsns` says of the host and of the container is printed as in the
 * article: six kinds are the container's own.
 *
 *     npx tsx examples/container.ts
 *
 * As an ordinary user it has a user namespace of its own as well: without one the kernel grants no other.
 */
import { execFileSync } from 'node:child_process';
import { Sandbox, hostUserland } from 'linux-ns';
import { fail } from './command-line';

/** Columns of lsns(8). It sees the host's side, in this process's own namespaces. */
function lsns(pid: number): string {
  return execFileSync('lsns', ['-l', '-p', String(pid), '-o', 'NS,TYPE,PATH,PID,COMMAND,USER'], { encoding: 'utf8' });
}

async function main(): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  await using container = await Sandbox.create({
    ...hostUserland(),
    share: isRoot ? ['user'] : [],
    hostname: 'container',
  });
  const terminal = await container.spawn('sleep', ['600'], { stdio: 'ignore' });

  console.log('root@container # ps -e');
  console.log((await container.execFile('ps', ['-e'])).stdout);
  console.log(`host # its init is process ${container.init}, its sleep ${terminal.pid ?? 0}`);
  console.log(`\nhost # lsns -p ${process.pid}\n${lsns(process.pid)}`);
  console.log(`host # lsns -p ${container.init}\n${lsns(container.init)}`);
}

main().catch(fail);
