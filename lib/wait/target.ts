/** The places that can be waited for: how to connect from there, and how to run a program there. */
import { invalidType } from '../errors/validate';
import { Namespace } from '../namespace/namespace';
import type * as networks from '../network/network';
import type { Network } from '../network/network';
import type { ExecResult } from '../process/exec';
import type { NamespaceProcess } from '../process/namespace-process';
import type { Sandbox } from '../sandbox/sandbox';
import type { NamespaceSet } from '../set/namespace-set';
import { isProgram } from './wait-options';

/** Something that has a network, as a host of a lab does. */
export interface HasNetwork {
  /** Its network. */
  readonly network: Network;
}

/** Something that runs programs. */
export interface RunsPrograms {
  /** Runs a program to its end. */
  execFile(
    file: string,
    args: readonly string[],
    options: { signal?: AbortSignal | undefined; killSignal?: NodeJS.Signals },
  ): Promise<ExecResult>;
}

/** A network to connect from, or something that is in one: a program is in that of its namespaces. */
export type NetworkPlace = Network | HasNetwork | NamespaceSet | Sandbox | NamespaceProcess;

/** Namespaces to run a program in: a set, a sandbox, a host of a lab, or those of a program. */
export type ProgramsPlace = NamespaceSet | Sandbox | RunsPrograms | NamespaceProcess;

/** A network that is open for a wait. */
export interface Opened {
  readonly network: Network;
  readonly close: () => Promise<void>;
}

/** Something in which programs can be started for a wait. */
export interface Runner {
  readonly run: RunsPrograms['execFile'];
  readonly close: () => Promise<void>;
}

const nothing = async (): Promise<void> => Promise.resolve();

/** Opens the network of a target. */
export async function openNetwork(target: unknown): Promise<Opened> {
  if (isNetwork(target)) return { network: target, close: nothing };
  if (isProgram(target)) return openNetworkOf(await target.namespaces());
  if (has(target, 'network') && isNetwork(target.network)) return { network: target.network, close: nothing };
  if (has(target, 'namespaces') && isSet(target.namespaces)) return openNetworkIn(target.namespaces);
  if (isSet(target)) return openNetworkIn(target);
  throw invalidType('target', 'a Network, NamespaceSet, Sandbox, NamespaceProcess or a host of a lab', target);
}

/** Finds the means to run programs in a target. */
export async function openRunner(target: unknown): Promise<Runner> {
  if (isProgram(target)) {
    const set = await target.namespaces();
    return { run: set.execFile.bind(set), close: () => set.close() };
  }
  if (has(target, 'execFile') && typeof target.execFile === 'function') {
    return { run: (target as unknown as RunsPrograms).execFile.bind(target), close: nothing };
  }
  throw invalidType('target', 'a NamespaceSet, Sandbox, NamespaceProcess or a host of a lab', target);
}

/** The network of a set; this process's own for a sandbox that shares it. */
async function openNetworkIn(set: NamespaceSet): Promise<Opened> {
  const network = await networkClass().open(set.net === undefined && !set.closed ? undefined : set);
  return { network, close: () => network.close() };
}

/** The network of a program's namespaces. This process's own is not entered: it is there, which takes no privilege. */
async function openNetworkOf(set: NamespaceSet): Promise<Opened> {
  try {
    await using own = await Namespace.of('self', 'net');
    const network = await networkClass().open(set.net?.equals(own) === true ? undefined : set);
    return { network, close: () => network.close() };
  } finally {
    await set.close();
  }
}

/** The code of networks is loaded when a wait needs it: `linux-ns` alone has none. */
function networkClass(): typeof Network {
  const { Network: Class } = require('../network/network') as typeof networks;
  return Class;
}

function has<K extends string>(value: unknown, name: K): value is Record<K, unknown> {
  return value !== null && typeof value === 'object' && name in value;
}

function isNetwork(value: unknown): value is Network {
  return has(value, 'connect') && has(value, 'fetch') && has(value, 'link');
}

function isSet(value: unknown): value is NamespaceSet {
  return has(value, 'net') && has(value, 'closed') && has(value, 'spawn');
}
