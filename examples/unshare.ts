/**
 * unshare.c of "Namespaces in operation, part 2: the namespaces API" (LWN, January 2013).
 *
 * Executes a program in new namespaces; in concept unshare(1).
 *
 *     npx tsx examples/unshare.ts [-i] [-m] [-n] [-p] [-u] [-U] program [argument...]
 *
 *     -i ipc   -m mnt   -n net   -p pid   -u uts   -U user, without maps: every id is 65534 inside
 *
 * An ordinary user without -U gets a user namespace all the same, as its root: the others take it.
 *
 * In C the program is not in the pid namespace that -p makes, only its children are: unshare(2) does not change the pid
 * of its caller. Here the program is born in it, and is its process 1.
 */
import { NAMESPACE_KINDS, type UnshareSpec, spawn } from 'linux-ns';
import { KIND_LETTERS, endAs, fail, parseCommand } from './command-line';

async function main(): Promise<void> {
  const { values, file, args } = parseCommand('unshare [-imnpuU] program [argument...]', KIND_LETTERS);
  const options: Partial<Record<string, unknown>> = values;
  const kinds = NAMESPACE_KINDS.filter((kind) => options[kind] === true);
  const unshare: UnshareSpec = Object.fromEntries(kinds.map((kind) => [kind, true]));
  const isRoot = process.geteuid?.() === 0;
  if (values.user === true) unshare.user = { uidMap: [], gidMap: [] };
  else if (!isRoot) unshare.user = true;

  await endAs(await spawn(file, args, { unshare, init: false, stdio: 'inherit' }));
}

main().catch(fail);
