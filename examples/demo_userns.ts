/**
 * demo_userns.c of "Namespaces in operation, part 5: user namespaces" (LWN, February 2013).
 *
 * A child in a new user namespace shows its ids and capabilities: before its maps are written, and after each of them.
 *
 *     npx tsx examples/demo_userns.ts
 *
 * Without a map every id is 65534 (/proc/sys/kernel/overflowuid). In C the child has all capabilities there, because it
 * executes nothing. What is executed without being mapped to 0 has none: execve(2) takes them away (capabilities(7)).
 * Once the uid is mapped to 0, what the shell executes gets them all, over its own namespace and nothing else.
 */
import { createInterface } from 'node:readline';
import { setSetgroups, spawn, writeGidMap, writeUidMap } from 'linux-ns';
import { fail } from './command-line';

/** Answers every line it is sent with one about itself; grep is what it executes. */
const SHOW = `while read -r line; do
  echo "eUID = $(id -u);  eGID = $(id -g);  capabilities: $(grep CapEff /proc/self/status)"
done`;

async function main(): Promise<void> {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  await using child = await spawn('sh', ['-c', SHOW], {
    unshare: { user: { uidMap: [], gidMap: [] } },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const show = async (when: string): Promise<void> => {
    child.stdin!.write('\n');
    const answer = await answers.next();
    console.log(`${when.padEnd(14)} ${String(answer.value).replace(/\s*CapEff:\s*/, ' ')}`);
  };

  console.log(`${'outside'.padEnd(14)} eUID = ${uid};  eGID = ${gid}`);
  await show('no maps');
  await writeUidMap(child.pid, [{ inside: 0, outside: uid, count: 1 }]);
  await show('uid_map');
  // Whoever has no CAP_SETGID outside may write gid_map only after setgroups(2) has been given up: user_namespaces(7).
  await setSetgroups(child.pid, 'deny');
  await writeGidMap(child.pid, [{ inside: 0, outside: gid, count: 1 }]);
  await show('gid_map');

  child.stdin!.end();
  await child.exited;
}

main().catch(fail);
