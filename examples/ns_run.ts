/**
 * ns_run.c of "Namespaces in operation, part 4: more on PID namespaces" (LWN, January 2013).
 *
 * Joins one or several namespaces, given by files, and executes a command in them; in concept nsenter(1).
 *
 *     npx tsx examples/ns_run.ts [-f] [-n /proc/PID/ns/FILE]... command [argument...]
 *
 *     -n FILE  a namespace to join; of each kind one
 *     -f       as in C, where a pid namespace takes a fork: without meaning here, as it is always a child that joins
 *
 * An ordinary user joins the user namespace that owns the others as well: -n /proc/PID/ns/user. In C the order of the
 * options is that of the joining, here they are joined in the order that works.
 */
import { Namespace, setns } from 'linux-ns';
import { endAs, fail, parseCommand } from './command-line';

const OPTIONS = {
  namespace: { type: 'string', short: 'n', multiple: true },
  fork: { type: 'boolean', short: 'f' },
} as const;

async function main(): Promise<void> {
  const usage = 'ns_run [-f] [-n /proc/PID/ns/FILE]... command [argument...]';
  const { values, file, args } = parseCommand(usage, OPTIONS);
  const handles = await Promise.all((values.namespace ?? []).map((path) => Namespace.open(path)));
  try {
    await using set = await setns(handles);
    await endAs(await set.spawn(file, args, { stdio: 'inherit' }));
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

main().catch(fail);
