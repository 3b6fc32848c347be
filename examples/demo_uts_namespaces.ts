/**
 * demo_uts_namespaces.c of "Namespaces in operation, part 2: the namespaces API" (LWN, January 2013).
 *
 * A child in a new UTS namespace has another hostname; the parent's stays as it was.
 *
 *     npx tsx examples/demo_uts_namespaces.ts bizarro [seconds that the child sleeps, default 200]
 *
 * While it sleeps, join it from another terminal: npx tsx examples/ns_exec.ts /proc/PID/ns/uts uname -n
 */
import { hostname } from 'node:os';
import { spawn } from 'linux-ns';
import { fail } from './command-line';

async function main(): Promise<void> {
  const [name, seconds = '200'] = process.argv.slice(2);
  if (name === undefined) throw new Error('Usage: demo_uts_namespaces <child-hostname> [seconds]');
  const isRoot = process.geteuid?.() === 0;

  // The name is set before the program starts, so unlike in C nobody has to sleep for a second until it is.
  const child = await spawn('sh', ['-c', 'echo "uts.nodename in child:  $(uname -n)"; exec sleep "$0"', seconds], {
    unshare: { user: isRoot ? undefined : true, uts: { hostname: name } },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(`PID of child: ${child.pid}`);
  console.log(`uts.nodename in parent: ${hostname()}`);

  await child.exited;
  console.log('child has terminated');
}

main().catch(fail);
