import { cpus, release } from 'node:os';

/** The facts about the machine that a figure depends on. */
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
