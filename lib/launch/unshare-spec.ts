import { PROPAGATIONS, type Propagation } from '../kernel/propagation';
import { withoutPrototype } from '../errors/plain';
import { type Check, as, boolean, oneOf, schema } from '../errors/schema';
import {
  invalidType,
  invalidValue,
  outOfRange,
  validateArray,
  validateOneOf,
  validateString,
} from '../errors/validate';
import { type IdMap, idMap } from '../idmap/id-map';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';

/**
 * The namespaces to create, and the options of each. `true` takes the defaults.
 *
 * @example
 * ```ts
 * await unshare({ user: { uidMap: 'auto', gidMap: 'auto' }, uts: { hostname: 'inside' }, net: true });
 * ```
 */
export interface UnshareSpec {
  /**
   * A user namespace (`user_namespaces(7)`). Both maps are `'root'` by default. `setgroups` is denied by default where
   * the kernel demands it (a gid map written without CAP_SETGID outside); otherwise it stays as it is. In either case
   * the task keeps the caller's supplementary groups.
   */
  user?:
    | true
    | {
        /** The users that exist inside, and the users outside that they stand for. Default `'root'`. */
        uidMap?: IdMap | undefined;
        /** The same for groups. Default `'root'`. */
        gidMap?: IdMap | undefined;
        /**
         * `'allow'`: setgroups(2) can be called inside. `'deny'`: it fails there. `/proc/PID/setgroups`,
         * `user_namespaces(7)`
         */
        setgroups?: 'allow' | 'deny' | undefined;
      }
    | undefined;
  /** A mount namespace (`mount_namespaces(7)`). All of its mounts get this propagation; default `'private'`. */
  mnt?:
    | true
    | {
        /** Default `'private'`. `'unchanged'`: mounts stay as they are outside, and shared ones are peers of those. */
        propagation?: Propagation | 'unchanged' | undefined;
      }
    | undefined;
  /** A network namespace (`network_namespaces(7)`). Its loopback interface is brought up by default. */
  net?:
    | true
    | {
        /** True: the loopback interface `lo` is brought up. Default true. */
        loopback?: boolean | undefined;
      }
    | undefined;
  /** A UTS namespace (`uts_namespaces(7)`). The names are copies of the caller's by default; at most 64 bytes each. */
  uts?:
    | true
    | {
        /** The hostname, at most 64 bytes: sethostname(2). Default: a copy of the caller's. */
        hostname?: string | undefined;
        /** The NIS domain name, at most 64 bytes: setdomainname(2). Default: a copy of the caller's. */
        domainname?: string | undefined;
      }
    | undefined;
  /**
   * A time namespace (`time_namespaces(7)`, Linux 5.6), and the offsets that are added to its clocks: each a number of
   * seconds, which may have a fraction, or a bigint of nanoseconds. Default: 0. A clock cannot be made to show less
   * than zero.
   */
  time?:
    | true
    | {
        /** The offset of CLOCK_MONOTONIC, in seconds or (bigint) nanoseconds. Default: 0. */
        monotonic?: number | bigint | undefined;
        /** The offset of CLOCK_BOOTTIME, and so of `/proc/uptime`, in seconds or (bigint) nanoseconds. Default: 0. */
        boottime?: number | bigint | undefined;
      }
    | undefined;
  /** A pid namespace (`pid_namespaces(7)`). */
  pid?: true | undefined;
  /** An IPC namespace (`ipc_namespaces(7)`). */
  ipc?: true | undefined;
  /** A cgroup namespace (`cgroup_namespaces(7)`), whose root is the cgroup of the new task. */
  cgroup?: true | undefined;
}

/** The kernel's __NEW_UTS_LEN. */
const UTS_BYTES = 64;

/** The largest offset: timens_offsets takes seconds up to KTIME_SEC_MAX / 2 in either direction. */
const MAX_OFFSET_NS = (2n ** 63n - 1n) / 2n;

/** The options of a kind. */
type OptionsOf<K extends NamespaceKind> = Exclude<UnshareSpec[K], true | undefined>;

const offset: Check<number | bigint> = (name, value) => {
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw invalidType(name, 'of type number or bigint', value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw outOfRange(name, 'a finite number', value);
  const nanoseconds = nanosecondsOf(value);
  if (nanoseconds >= -MAX_OFFSET_NS && nanoseconds <= MAX_OFFSET_NS) return value;
  const seconds = MAX_OFFSET_NS / 1_000_000_000n;
  throw outOfRange(name, `between -${seconds} and ${seconds} seconds (a bigint is nanoseconds)`, value);
};

export const utsName = as(validateUtsName);

const onlyTrue: Check<true> = (name, value) => {
  if (value === true) return true;
  throw invalidValue(name, value, 'must be true');
};

function trueOr<T>(options: Check<T>): Check<true | T> {
  return (name, value) => {
    if (value === true) return true;
    if (value === false) throw invalidValue(name, value, 'must be true or an object');
    return options(name, value);
  };
}

/** Checks the clocks of a time namespace. */
export const clocks = schema<OptionsOf<'time'>>()({ monotonic: offset, boottime: offset });

const parseSpec = schema<UnshareSpec>()({
  cgroup: onlyTrue,
  ipc: onlyTrue,
  mnt: trueOr(schema<OptionsOf<'mnt'>>()({ propagation: oneOf([...PROPAGATIONS, 'unchanged']) })),
  net: trueOr(schema<OptionsOf<'net'>>()({ loopback: boolean })),
  pid: onlyTrue,
  time: trueOr(clocks),
  user: trueOr(schema<OptionsOf<'user'>>()({ uidMap: idMap, gidMap: idMap, setgroups: oneOf(['allow', 'deny']) })),
  uts: trueOr(schema<OptionsOf<'uts'>>()({ hostname: utsName, domainname: utsName })),
});

/**
 * Checks the new namespaces that a caller asks for (a kind, an array of kinds or an {@link UnshareSpec}), and returns a
 * copy as an UnshareSpec.
 *
 * @param name - the caller's name for the value, as in `'options.unshare'`
 */
export function validateUnshare(name: string, value: unknown): UnshareSpec {
  if (typeof value === 'string') return specOfKinds([[name, value]]);
  if (Array.isArray(value)) {
    validateArray(name, value);
    return specOfKinds(value.map((kind, index) => [`${name}[${index}]`, kind]));
  }
  if (value === null || typeof value !== 'object' || Symbol.iterator in value) {
    throw invalidType(name, 'a kind of namespace, an array of kinds or an object', value);
  }
  return parseSpec(name, value);
}

/** The kinds of namespace in a spec, in the order of {@link NAMESPACE_KINDS}. */
export function kindsOfSpec(spec: UnshareSpec): NamespaceKind[] {
  return NAMESPACE_KINDS.filter((kind) => spec[kind] !== undefined);
}

/** The options of a kind in a spec; an empty object where it only says `true`. */
export function optionsOf<K extends NamespaceKind>(spec: UnshareSpec, kind: K): OptionsOf<K> {
  const options = spec[kind];
  return withoutPrototype(typeof options === 'object' ? options : {}) as OptionsOf<K>;
}

/** The offset in nanoseconds. A number is taken as the decimal it prints as, so 0.1 is exactly a tenth of a second. */
export function nanosecondsOf(offset: number | bigint): bigint {
  if (typeof offset === 'bigint') return offset;
  const whole = Math.trunc(offset);
  return BigInt(whole) * 1_000_000_000n + BigInt(Math.round((offset - whole) * 1e9));
}

function specOfKinds(kinds: readonly (readonly [name: string, kind: unknown])[]): UnshareSpec {
  const spec: UnshareSpec = withoutPrototype({});
  for (const [name, kind] of kinds) {
    if (typeof kind !== 'string') throw invalidType(name, 'of type string', kind);
    validateOneOf(name, kind, NAMESPACE_KINDS);
    spec[kind] = true;
  }
  return spec;
}

/** Checks a name for sethostname(2) or setdomainname(2). An empty name is allowed, too. */
function validateUtsName(name: string, value: unknown): asserts value is string {
  validateString(name, value);
  if (Buffer.byteLength(value) <= UTS_BYTES) return;
  throw invalidValue(name, value, `must have at most ${UTS_BYTES} bytes`);
}
