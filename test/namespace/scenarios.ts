/** What a Node does whose kernel says little about namespaces. See test/fixtures/scenario.ts. */
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { Namespace, setns, unshare } from '../../lib';

/** What an error says; null where there is none. */
async function errorOf(promise: Promise<AsyncDisposable | number | null>): Promise<object | null> {
  try {
    const made = await promise;
    if (made !== null && typeof made === 'object') await made[Symbol.asyncDispose]();
    return null;
  } catch (error) {
    const { name, code, syscall, step, kind, path, hint } = error as Record<string, unknown>;
    return { name, code, syscall, step, kind, path, hint };
  }
}

/** How many descriptors of namespaces are open. */
function count(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // that of the directory
    }
  });
  return links.filter((link) => /^(cgroup|ipc|mnt|net|pid|time|user|uts):/.test(link)).length;
}

/** What becomes of existing namespaces. */
export async function opened(): Promise<unknown> {
  const child = spawn('unshare', ['-Ur', 'sleep', '1000']);
  await new Promise((resolve) => child.once('spawn', resolve));
  const attempt = async (): Promise<object> => ({
    setns: await errorOf(setns({ pid: child.pid! })),
    of: await errorOf(Namespace.of('self', 'net')),
    open: await errorOf(Namespace.open('/proc/self/ns/net')),
    file: await errorOf(Namespace.open('/etc/passwd')),
  });
  const before = count();
  const outcomes = await attempt();
  const descriptors = count() - before;
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  return { ...outcomes, descriptors };
}

/** What a user namespace can be asked. */
export async function asked(): Promise<unknown> {
  await using set = await unshare('user');
  const user = set.user!;
  return {
    userNamespace: await errorOf(user.userNamespace()),
    parent: await errorOf(user.parent()),
    owner: await errorOf(user.owner()),
  };
}
