/**
 * ns_exec.c of "Namespaces in operation, part 2: the namespaces API" (LWN, January 2013).
 *
 * Joins one namespace, given by a file, and executes a command in it.
 *
 *     npx tsx examples/ns_exec.ts /proc/PID/ns/FILE command [argument...]
 *     npx tsx examples/ns_exec.ts /run/netns/blue ip address
 *
 * In C the process itself moves, by setns(2). Here a new one does: Node has many threads, and none of them moves.
 * An ordinary user may join only what a user namespace of theirs owns, from inside that: so it is joined as well.
 */
import { Namespace, spawn } from 'linux-ns';
import { endAs, fail } from './command-line';

async function main(): Promise<void> {
  const [path, file, ...args] = process.argv.slice(2);
  if (path === undefined || file === undefined) {
    throw new Error('Usage: ns_exec /proc/PID/ns/FILE command [argument...]');
  }
  await using namespace = await Namespace.open(path);
  const setns = [namespace];
  const isRoot = process.geteuid?.() === 0;
  if (!isRoot && namespace.kind !== 'user') setns.push(await namespace.userNamespace());

  await endAs(await spawn(file, args, { setns, stdio: 'inherit' }));
  await Promise.all(setns.map((each) => each.close()));
}

main().catch(fail);
