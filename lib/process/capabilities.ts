import type { Step } from '../../types/native';
import { invalidValue, validateArray, validateKnownKeys, validateObject, validateOneOf } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';

/**
 * The sets of capabilities that survive an exec. Each set becomes exactly the given list; a set that is not given stays
 * as it is.
 *
 * There is no permitted and no effective set, because execve(2) computes both anew. A program that runs as user 0 of
 * its user namespace gets the bounding and the inheritable set. Any other gets the ambient set, and what the file
 * itself grants within the bounding set. capabilities(7)
 */
export interface CapabilitySets {
  /** The most that it, and what it executes, can ever have. To remove any needs CAP_SETPCAP. */
  bounding?: readonly Capability[] | undefined;
  /** What files with inheritable capabilities can pass on. Default: the ambient ones, where these are given. */
  inheritable?: readonly Capability[] | undefined;
  /** What a program has that is not user 0, and passes on to what it executes. Must be permitted and inheritable. */
  ambient?: readonly Capability[] | undefined;
}

/**
 * A flag that changes what user 0 is to the kernel. capabilities(7), "The securebits flags"
 *
 * @useDeclaredType
 */
export type Securebit = (typeof SECUREBITS)[number];

/** Options for the privileges of a program. */
export interface CapabilityOptions {
  /**
   * The capabilities of the program in its user namespace. Default: those that execve(2) gives its user.
   *
   * A list means exactly these, whatever the user: they are permitted and effective, and the bounding set has no
   * others, so that nothing it executes gets more. `[]` is none at all. They survive a change of {@link
   * ProgramOptions.uid}; as they are ambient then, what the program executes inherits them. To set single sets see
   * {@link CapabilitySets}.
   *
   * To reduce the bounding set needs CAP_SETPCAP, which root has, and everyone in a new user namespace. The caller can
   * give only capabilities that it has there: otherwise `EPERM`. capabilities(7)
   *
   * @example
   * ```ts
   * await spawn('node', ['server.js'], { uid: 1000, gid: 1000, capabilities: ['CAP_NET_BIND_SERVICE'] });
   * ```
   */
  capabilities?: readonly Capability[] | CapabilitySets | undefined;
  /**
   * How user 0 is treated: exactly these flags are set. Takes CAP_SETPCAP. Default: as in this process.
   * PR_SET_SECUREBITS(2const)
   */
  securebits?: readonly Securebit[] | undefined;
}

/** The same, checked: bits, -1 for what stays as it is. */
export interface Capabilities {
  readonly bounding: number;
  readonly inheritable: number;
  readonly ambient: number;
  readonly securebits: number;
  /** Where user 0 is privileged, the bounding set alone is to give it what it has. */
  readonly exceptRoot: boolean;
}

const UNCHANGED = -1;

/** By their bits: `<linux/securebits.h>`. */
const SECUREBITS = Object.freeze([
  'NOROOT',
  'NOROOT_LOCKED',
  'NO_SETUID_FIXUP',
  'NO_SETUID_FIXUP_LOCKED',
  'KEEP_CAPS',
  'KEEP_CAPS_LOCKED',
  'NO_CAP_AMBIENT_RAISE',
  'NO_CAP_AMBIENT_RAISE_LOCKED',
] as const);

/**
 * Checks the options of {@link CapabilityOptions}; undefined when there is nothing to do.
 *
 * @throws TypeError with Node's codes
 */
export function parseCapabilities({ capabilities, securebits }: CapabilityOptions): Capabilities | undefined {
  if (capabilities == null && securebits == null) return undefined;
  const name = 'options.capabilities';
  const bits = securebits == null ? UNCHANGED : bitsOf('options.securebits', securebits, SECUREBITS);
  if (!Array.isArray(capabilities)) return { ...parseSets(name, capabilities), securebits: bits, exceptRoot: false };
  const exactly = bitsOf(name, capabilities, CAPABILITIES);
  return { bounding: exactly, inheritable: exactly, ambient: exactly, securebits: bits, exceptRoot: true };
}

/** Those that a program is given by the options, which are checked: the most that it can ever have. */
export function givenCapabilities({ capabilities }: CapabilityOptions): readonly Capability[] {
  if (Array.isArray(capabilities)) return capabilities as readonly Capability[];
  const { bounding, ambient } = (capabilities ?? {}) as CapabilitySets;
  return bounding ?? ambient ?? [];
}

/** What is done before the ids change, so that there is something left to choose from after it. */
export function keepSteps(capabilities: Capabilities | undefined): Step[] {
  return capabilities === undefined ? [] : [['keep_caps']];
}

/** What is done after the ids have changed. */
export function capabilitySteps(capabilities: Capabilities | undefined): Step[] {
  if (capabilities === undefined) return [];
  const { bounding, inheritable, ambient, securebits, exceptRoot } = capabilities;
  return [['capabilities', bounding, inheritable, ambient, securebits, exceptRoot ? 1 : 0]];
}

function parseSets(name: string, sets: unknown): Pick<Capabilities, 'bounding' | 'inheritable' | 'ambient'> {
  const given = sets ?? {};
  validateObject(name, given);
  validateKnownKeys(name, given, ['bounding', 'inheritable', 'ambient']);
  const { bounding, inheritable, ambient } = given as CapabilitySets;
  const setOf = (key: string, set: unknown): number =>
    set == null ? UNCHANGED : bitsOf(`${name}.${key}`, set, CAPABILITIES);
  const parsed = {
    bounding: setOf('bounding', bounding),
    inheritable: setOf('inheritable', inheritable ?? ambient),
    ambient: setOf('ambient', ambient),
  };
  if (ambient?.every((capability) => (inheritable ?? ambient).includes(capability)) !== false) return parsed;
  throw invalidValue(`${name}.ambient`, ambient, 'can have only what is inheritable too');
}

/** Numbers and no bit operations: there are more than 32 capabilities. */
function bitsOf(name: string, list: unknown, names: readonly string[]): number {
  validateArray(name, list);
  list.forEach((each, index) => validateOneOf(`${name}[${index}]`, each, names));
  return names.reduce((bits, each, number) => (list.includes(each) ? bits + 2 ** number : bits), 0);
}
