/** Makes the step of a plan from the option `landlock`. */
import type { Step } from '../../types/native';
import { native } from '../native';
import { PLACE } from '../plan/place';
import { makeStep } from '../plan/step';
import type { Landlock } from './landlock-options';
import { FILE_RIGHTS, type LandlockAccess, NEWEST_ABI, PORT_RIGHTS, SCOPES, bitsOf, known } from './rights';

/** The restrictions by Landlock that there are, where the kernel may have less than was asked for. */
export interface LandlockReport {
  /** The version of Landlock's interface that is in force; 0 if there is none, and nothing is restricted. */
  readonly abi: number;
  /** The rights and scopes that were to be restricted, and are not: `'connect_tcp'`, `'signal'`. */
  readonly missing: readonly string[];
}

const READ = ['read_file', 'read_dir'] as const satisfies readonly LandlockAccess[];
const EXECUTE = ['execute', ...READ] as const satisfies readonly LandlockAccess[];
const WRITE = FILE_RIGHTS.filter((right) => right !== 'execute' && right !== 'ioctl_dev');

/**
 * The step that puts a ruleset in force. It takes the root, the directory and the ids of the program, and comes when only
 * the filters and the exec are left: a terminal, for example, is opened before.
 *
 * @returns none if the kernel has no Landlock, and best effort will do
 */
export function landlockSteps(landlock: Landlock): Step[] {
  const { read = [], write = [], execute = [], rules = [] } = landlock;
  const { abi, missing } = landlockReport(landlock);
  warnOf(missing);
  const { fs, net, scoped } = handledOf(landlock, abi);
  if (fs.length === 0) return [];
  const all = [
    ...read.map((path) => ({ path, access: READ, optional: false })),
    ...write.map((path) => ({ path, access: WRITE, optional: false })),
    ...execute.map((path) => ({ path, access: EXECUTE, optional: false })),
    ...rules,
  ];
  const allowed = all.flatMap(({ path, access, optional = false }) => {
    const bits = bitsOf<LandlockAccess>(access, FILE_RIGHTS) & bitsOf(fs, FILE_RIGHTS);
    // A rule whose rights came with a later kernel opens what is not restricted here.
    return bits === 0 && access.length > 0 ? [] : [{ path, rule: [bits, optional ? PLACE.OPTIONAL : 0] }];
  });
  return [
    makeStep('landlock', {
      fs: bitsOf(fs, FILE_RIGHTS),
      net: bitsOf(net, PORT_RIGHTS),
      scoped: bitsOf(scoped, SCOPES),
      paths: allowed.map(({ path }) => path),
      rules: allowed.flatMap(({ rule }) => rule),
      ports: portsOf(landlock, bitsOf(net, PORT_RIGHTS)),
    }),
  ];
}

/** Compares what is asked for with the kernel, if it may have less: otherwise the kernel itself refuses. */
export function landlockReport(landlock: Landlock): LandlockReport {
  const { abi = NEWEST_ABI, compatibility } = landlock;
  const found = compatibility === 'best-effort' ? Math.min(abi, kernelAbi()) : abi;
  const [asked, handled] = [abi, found].map((version) => Object.values(handledOf(landlock, version)).flat());
  return { abi: found, missing: asked?.filter((right) => handled?.includes(right) !== true) ?? [] };
}

/** The rights that are refused unless a rule allows them. */
function handledOf({ connectTcp, bindTcp, scope = [...SCOPES] }: Landlock, abi: number) {
  return {
    fs: known(FILE_RIGHTS, abi),
    net: known(
      PORT_RIGHTS.filter((right) => (right === 'bind_tcp' ? bindTcp : connectTcp) !== 'any'),
      abi,
    ),
    scoped: known(scope, abi),
  };
}

/** Each port with the bits of what it may be used for, as far as that is restricted. */
function portsOf({ connectTcp = [], bindTcp = [] }: Landlock, handled: number): number[] {
  const lists = { bind_tcp: bindTcp, connect_tcp: connectTcp };
  return PORT_RIGHTS.flatMap((right) => {
    const bit = bitsOf([right], PORT_RIGHTS);
    const ports = lists[right];
    return ports === 'any' || (handled & bit) === 0 ? [] : ports.flatMap((port) => [port, bit]);
  });
}

let askedAbi: number | undefined;

/** The version of the kernel's interface; 0 where Landlock is missing, disabled or refused by a filter. */
function kernelAbi(): number {
  try {
    askedAbi ??= native().landlockVersion();
  } catch {
    askedAbi = 0;
  }
  return askedAbi;
}

const warned = new Set<string>();

/** Once for the same rights, as the kernel stays the same. */
function warnOf(missing: readonly string[]): void {
  const rights = missing.join(', ');
  if (missing.length === 0 || warned.has(rights)) return;
  warned.add(rights);
  const [what, code] = [`This kernel's Landlock does not restrict ${rights}`, 'LINUX_NS_LANDLOCK'];
  process.emitWarning(`${what}; programs run without these restrictions, as 'best-effort' lets them`, { code });
}
