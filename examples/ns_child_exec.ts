/**
 * ns_child_exec.c of "Namespaces in operation, part 4: more on PID namespaces" (LWN, January 2013).
 *
 * Executes a command in a child in new namespaces.
 *
 *     npx tsx examples/ns_child_exec.ts [-i] [-m] [-n] [-p] [-u] [-v] command [argument...]
 *
 *     -i ipc   -m mnt   -n net   -p pid   -u uts   -v says what is done
 *
 * An ordinary user gets a user namespace as well: the others take it. The command is process 1 of a new pid namespace.
 */
import { type UnshareSpec, spawn } from 'linux-ns';
import { KIND_LETTERS, endAs, fail, parseCommand } from './command-line';

const { ipc, mnt, net, pid, uts } = KIND_LETTERS;
const OPTIONS = { ipc, mnt, net, pid, uts, verbose: { type: 'boolean', short: 'v' } } as const;

async function main(): Promise<void> {
  const { values, file, args } = parseCommand('ns_child_exec [-imnpuv] command [argument...]', OPTIONS);
  const { verbose, ...kinds } = values;
  const isRoot = process.geteuid?.() === 0;
  const unshare = { user: isRoot ? undefined : true, ...kinds } as UnshareSpec;

  const child = await spawn(file, args, { unshare, init: false, stdio: 'inherit' });
  if (verbose === true) console.error(`ns_child_exec: PID of child created by spawn() is ${child.pid}`);
  await endAs(child);
  if (verbose === true) console.error('ns_child_exec: terminating');
}

main().catch(fail);
