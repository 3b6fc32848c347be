import { cpus, release } from 'node:os';

/** What a figure depends on, beside what was measured. */
export interface Machine {
  node: string;
  kernel: string;
  cpus: number;
  uid: number;
}

export function thisMachine(): Machine {
  return { node: process.version, kernel: release(), cpus: cpus().length, uid: process.getuid!() };
}

export function machineLine({ node, kernel, cpus: count, uid }: Machine): string {
  return `Node ${node}, Linux ${kernel}, ${count} CPUs, uid ${uid}`;
}
