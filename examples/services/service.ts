/** What the recipes for services share: namespaces in which a service finds all that it needs, as the user that it wants to be. */
import { execFileSync } from 'node:child_process';
import { type NamespaceProcess, type NamespaceSet, unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';

/** A service that runs, fresh, on its default port. */
export class Service implements AsyncDisposable {
  constructor(
    readonly set: NamespaceSet,
    readonly network: Network,
    readonly server: NamespaceProcess,
  ) {}

  /** Ends the server, and all that it has written is gone. */
  async close(): Promise<void> {
    await this.network.close();
    await this.set.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Namespaces for one service. The map has one id: that of the user whom its Debian package has made for it stands inside for
 * you outside. So a server that refuses to run as root does run, whoever you are, and needs no subordinate ids.
 */
async function namespacesFor(user: string): Promise<NamespaceSet> {
  const [uid, gid] = ['-u', '-g'].map((option) => Number(execFileSync('id', [option, user])));
  const set = await unshare({
    user: {
      uidMap: [{ inside: uid!, outside: process.getuid!(), count: 1 }],
      gidMap: [{ inside: gid!, outside: process.getgid!(), count: 1 }],
    },
    mnt: true,
    net: true,
    pid: true,
    ipc: true,
  });
  await set.mount({ type: 'proc', target: '/proc' });
  await set.mount({ type: 'tmpfs', target: '/dev/shm' });
  await set.mount({ type: 'tmpfs', target: '/tmp', options: { mode: '0700' } }); // its data, which is gone with the set
  return set;
}

/** Starts a service: `run` starts the server in the namespaces, and resolves when it is ready. */
export async function startService(
  user: string,
  run: (set: NamespaceSet) => Promise<NamespaceProcess>,
): Promise<Service> {
  const set = await namespacesFor(user);
  try {
    const server = await run(set);
    return new Service(set, await Network.open(set), server);
  } catch (error) {
    await set.close();
    throw error;
  }
}
