/**
 * userns_setns_test.c of "Namespaces in operation, part 6: more on user namespaces" (LWN, March 2013).
 *
 * Two processes try to join one user namespace: this one, which is outside of it, and a child of ours in another new user
 * namespace. We may when our user has created it. The child may not: it has capabilities in its own user namespace
 * and below it, and the one it wants to join is beside it.
 *
 *     npx tsx examples/unshare.ts -U sleep 1000 &        (and find the pid of sleep)
 *     npx tsx examples/userns_setns_test.ts /proc/PID/ns/user
 */
import { Namespace, type NamespaceError, setns, spawn } from 'linux-ns';
import { endAs, fail } from './command-line';

async function main(): Promise<void> {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new Error('Usage: userns_setns_test /proc/PID/ns/user');
  if (path === '--child') return tryToJoin('child', await Namespace.fromFd(3));

  const target = await Namespace.open(path);
  // This program again, in a user namespace of its own, with the target open as descriptor 3.
  const self = [...process.execArgv, __filename, '--child'];
  const stdio = ['ignore', 'inherit', 'inherit', target.fd] as const;
  await endAs(await spawn(process.execPath, self, { unshare: 'user', stdio }));
  await tryToJoin('parent', target);
}

async function tryToJoin(who: string, target: Namespace): Promise<void> {
  try {
    const set = await setns(target);
    console.log(`${who}: setns() succeeded`);
    await set.close();
  } catch (error) {
    console.log(`${who}: setns() failed: ${(error as NamespaceError).message}`);
  } finally {
    await target.close();
  }
}

main().catch(fail);
