import { Sandbox, type SandboxSpec, hostUserland } from '../../lib';

/** Makes a sandbox with a program in it, which nobody waits for: this process ends. */
export async function leaveSandbox(
  dieWithParent: boolean,
  more: SandboxSpec = {},
): Promise<{ init: number; program: number }> {
  const sandbox = await Sandbox.create({ ...hostUserland(), dieWithParent, ...more });
  const child = await sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
  child.unref();
  return { init: sandbox.init, program: child.pid };
}

/** What a program says in a sandbox that is made by a process in a user namespace, as in a rootless container. */
export async function sandboxInside(): Promise<string> {
  await using sandbox = await Sandbox.create({ ...hostUserland(), init: true });
  return (await sandbox.exec('id -u; cat /proc/self/setgroups')).stdout;
}
