/**
 * userns_child_exec.c of "Namespaces in operation, part 5: user namespaces" (LWN, February 2013), also in
 * user_namespaces(7).
 *
 * Executes a command in a child in new namespaces, with maps for a user namespace.
 *
 *     npx tsx examples/userns_child_exec.ts [options] command [argument...]
 *
 *     -i ipc   -m mnt   -n net   -p pid   -u uts   -U user   -v says what is done
 *     -M MAP   uid map, and -G MAP gid map, of the user namespace: 'inside outside count', more after commas
 *     -z       both maps: 0 inside is the caller outside
 *
 *     npx tsx examples/userns_child_exec.ts -p -m -U -M "0 $(id -u) 1" -G "0 $(id -g) 1" bash
 *
 * An ordinary user without -U gets what -U -z would give: the others take it.
 */
import { type IdMap, type IdRange, type UnshareSpec, spawn } from 'linux-ns';
import { KIND_LETTERS, endAs, fail, parseCommand } from './command-line';

const OPTIONS = {
  ...KIND_LETTERS,
  uidMap: { type: 'string', short: 'M' },
  gidMap: { type: 'string', short: 'G' },
  zero: { type: 'boolean', short: 'z' },
  verbose: { type: 'boolean', short: 'v' },
} as const;

async function main(): Promise<void> {
  const usage = 'userns_child_exec [-imnpuUzv] [-M map] [-G map] command [argument...]';
  const { values, file, args } = parseCommand(usage, OPTIONS);
  const { uidMap, gidMap, zero, verbose, user, ...kinds } = values;
  const isRoot = process.geteuid?.() === 0;
  const withMaps = uidMap !== undefined || gidMap !== undefined || zero === true;
  if (withMaps && user !== true) throw new Error('-M, -G and -z are for -U');

  const unshare = { ...kinds } as UnshareSpec;
  if (user === true) unshare.user = { uidMap: mapOf(uidMap, zero), gidMap: mapOf(gidMap, zero) };
  else if (!isRoot) unshare.user = true;

  const child = await spawn(file, args, { unshare, init: false, stdio: 'inherit' });
  if (verbose === true) console.error(`userns_child_exec: PID of child created by spawn() is ${child.pid}`);
  await endAs(child);
  if (verbose === true) console.error('userns_child_exec: terminating');
}

/** Nothing given is an empty map: every id is 65534 then. */
function mapOf(text: string | undefined, zero: boolean | undefined): IdMap {
  if (text === undefined) return zero === true ? 'root' : [];
  return text.split(',').map((line): IdRange => {
    const [inside = NaN, outside = NaN, count = NaN] = line.trim().split(/\s+/).map(Number);
    return { inside, outside, count };
  });
}

main().catch(fail);
