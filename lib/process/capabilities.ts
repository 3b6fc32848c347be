import type { Step } from '../../types/native';
import { type Check, type Parsed, list, oneOf, orNull, schema } from '../errors/schema';
import { invalidValue } from '../errors/validate';
import { CAPABILITIES, type Capability } from '../kernel/capabilities';
import { makeStep } from '../plan/step';

/**
 * The sets of capabilities that survive an exec. Each set becomes exactly the given list; a set that is not given stays
 * as it is.
 *
 * There is no permitted and no effective set, because execve(2) computes both anew. A program that runs as user 0 of
 * its user namespace gets the bounding and the inheritable set. Any other gets the ambient set, and what the file
 * itself grants within the bounding set. capabilities(7)
 */
export interface CapabilitySets {
  /**
   * The most that the program, and the programs that it executes, can ever have. To remove a capability from it needs
   * CAP_SETPCAP.
   */
  bounding?: readonly Capability[] | undefined;
  /**
   * The capabilities that a program keeps when it executes a file that has them among its own inheritable ones.
   * Default: the ambient set, if that is given.
   */
  inheritable?: readonly Capability[] | undefined;
  /**
   * The capabilities that a program has if it is not user 0, and passes on to the programs that it executes. Must be
   * permitted and inheritable.
   */
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
   * The flags for how the kernel treats user 0: exactly these are set. Needs CAP_SETPCAP. Default: as in this process.
   * PR_SET_SECUREBITS(2const)
   */
  securebits?: readonly Securebit[] | undefined;
}

/** The bits of each set; -1 leaves a set as it is. */
export interface Capabilities {
  readonly bounding: number;
  readonly inheritable: number;
  readonly ambient: number;
  readonly securebits: number;
  /** True if user 0 needs only the bounding set, because execve(2) then gives it exactly the list. */
  readonly exceptRoot: boolean;
}

const UNCHANGED = -1;

/** The names of the flags, in the order of their bits: `<linux/securebits.h>`. */
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

const set = list(oneOf(CAPABILITIES));
const parseSets = schema<CapabilitySets>()({ bounding: orNull(set), inheritable: orNull(set), ambient: orNull(set) });

const capabilities: Check<Capability[] | Parsed<typeof parseSets>> = (name, value) => {
  if (Array.isArray(value)) return set(name, value);
  const { bounding, ambient, inheritable = ambient } = parseSets(name, value);
  if (ambient?.every((capability) => inheritable?.includes(capability)) !== false)
    return { bounding, inheritable, ambient };
  throw invalidValue(`${name}.ambient`, ambient, 'can have only what is inheritable too');
};

export const PRIVILEGES = schema<CapabilityOptions>()({
  capabilities: orNull(capabilities),
  securebits: orNull(list(oneOf(SECUREBITS))),
});

/** The options that have been checked. */
export type Privileges = Parsed<typeof PRIVILEGES>;

/** The bits that options mean; undefined when there is nothing to do. */
export function capabilityBits({ capabilities: given, securebits }: Privileges): Capabilities | undefined {
  if (given === undefined && securebits === undefined) return undefined;
  const flags = bitsOf(securebits, SECUREBITS);
  if (Array.isArray(given)) {
    const exactly = bitsOf(given, CAPABILITIES);
    return { bounding: exactly, inheritable: exactly, ambient: exactly, securebits: flags, exceptRoot: true };
  }
  return {
    bounding: bitsOf(given?.bounding, CAPABILITIES),
    inheritable: bitsOf(given?.inheritable, CAPABILITIES),
    ambient: bitsOf(given?.ambient, CAPABILITIES),
    securebits: flags,
    exceptRoot: false,
  };
}

/** The most that a program with these options can ever have. */
export function givenCapabilities({ capabilities: given }: Privileges): readonly Capability[] {
  if (Array.isArray(given)) return given;
  return given?.bounding ?? given?.ambient ?? [];
}

/** The step before the ids change, so that there is something left to choose from after it. */
export function keepSteps(bits: Capabilities | undefined): Step[] {
  return bits === undefined ? [] : [['keep_caps']];
}

/** The step after the ids have changed. */
export function capabilitySteps(bits: Capabilities | undefined): Step[] {
  if (bits === undefined) return [];
  const { bounding, inheritable, ambient, securebits, exceptRoot } = bits;
  const sets = { bounding, inheritable, ambient, securebits };
  return [makeStep('capabilities', { ...sets, exceptRoot: exceptRoot ? 1 : 0 })];
}

/** The bits of the given names, as a sum: bit operations have only 32 bits, and there are more capabilities. */
function bitsOf(given: readonly string[] | undefined, names: readonly string[]): number {
  if (given === undefined) return UNCHANGED;
  return names.reduce((bits, each, number) => (given.includes(each) ? bits + 2 ** number : bits), 0);
}
