import { type NamespaceProcess, spawn } from 'linux-ns';

/** Three kinds that anybody may create. */
const KINDS = ['user', 'ipc', 'uts'] as const;

const AT_ONCE = 16;

/** Processes that a scan has to find, each in namespaces of its own. */
export class BusyHost {
  readonly #processes: NamespaceProcess[];

  private constructor(processes: NamespaceProcess[]) {
    this.#processes = processes;
  }

  static async start(processes: number): Promise<BusyHost> {
    const started: NamespaceProcess[] = [];
    for (let count = 0; count < processes; count += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, processes - count) }, () =>
        spawn('sleep', ['infinity'], { unshare: [...KINDS], stdio: 'ignore' }),
      );
      started.push(...(await Promise.all(some)));
    }
    return new BusyHost(started);
  }

  /** The number of namespaces that it has made. */
  get namespaces(): number {
    return this.#processes.length * KINDS.length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
  }
}
