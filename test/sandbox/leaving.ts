import { type MountEntry, Sandbox, type SandboxSpec, hostUserland } from '../../lib';

/** Makes a sandbox with a program in it, which nobody waits for: this process ends. */
export async function leaveSandbox(
  dieWithParent: boolean,
  more: SandboxSpec = {},
): Promise<{ init: number; program: number }> {
  const sandbox = await Sandbox.create({ ...hostUserland(), dieWithParent, ...more });
  const child = await sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
  child.unref();
  return { init: sandbox.init!, program: child.pid };
}

/** How sandboxes come to be with each number of inotify instances, and how many there are to be had. */
export async function inotifyLimits(numbers: (number | null)[]): Promise<string[]> {
  const results: string[] = [];
  const userland = hostUserland();
  // A /proc of its own may not be mounted while the one that there is is covered.
  const mounts: MountEntry[] = [...userland.mounts, { type: 'bindReadOnly', source: '/proc', target: '/proc' }];
  for (const number of numbers) {
    try {
      const inotifyInstances = number ?? undefined;
      await using sandbox = await Sandbox.create({ ...userland, mounts, proc: false, inotifyInstances });
      results.push((await sandbox.exec('cat /proc/sys/user/max_inotify_instances')).stdout.trim());
    } catch (error) {
      results.push(String((error as { code?: string }).code));
    }
  }
  return results;
}

/** What a program says in a sandbox that is made by a process in a user namespace, as in a rootless container. */
export async function sandboxInside(): Promise<string> {
  await using sandbox = await Sandbox.create({ ...hostUserland(), init: true });
  return (await sandbox.exec('id -u; cat /proc/self/setgroups')).stdout;
}
