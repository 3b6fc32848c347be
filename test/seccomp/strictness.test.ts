/**
 * Whatever Docker's or Podman's profile refuses, the default one refuses too, or docs/seccomp.md says why not. Both are
 * compiled here by the same compiler, and each of the machine's calls is put to both filters, with arguments that rules
 * are about, for programs without capabilities and with each of them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Capability } from '../../lib';
import { compileSeccomp, defaultSeccompProfile } from '../../lib/seccomp';
import { CAPABILITIES } from '../../lib/kernel/capabilities';
import { SYSCALLS } from '../../lib/seccomp/syscall-table';
import { runFilter } from '../fixtures/bpf';
import { needs } from '../fixtures/optional';
import { profileOf } from '../fixtures/seccomp-profiles';

const MACHINES = [
  { machine: 'x64', arch: 0xc000003e, column: 0 },
  { machine: 'arm64', arch: 0xc00000b7, column: 3 },
] as const;

const ALLOW = 0x7fff0000;
const NONE = [0n, 0n, 0n, 0n, 0n, 0n];

/** Flags of clone(2) one by one, and all of them. */
const FLAGS = [...Array.from({ length: 32 }, (_, bit) => 1n << BigInt(bit)), 0xffffffffn];

/** What the first arguments of a call may be, beside zeros. */
const ARGUMENTS: Readonly<Record<string, readonly (readonly bigint[])[]>> = {
  clone: FLAGS.map((flags) => [flags]),
  unshare: FLAGS.map((flags) => [flags]),
  personality: FLAGS.map((persona) => [persona]),
  socket: Array.from({ length: 64 }, (_, family) => family).flatMap((family) =>
    Array.from({ length: 32 }, (_, protocol) => [BigInt(family), 1n, BigInt(protocol)]),
  ),
  socketpair: Array.from({ length: 64 }, (_, family) => [BigInt(family), 1n, 0n]),
};

interface Difference {
  readonly name: string;
  readonly capability: string;
}

/** Calls that the default filter lets through, and the other not. */
function laxer(
  other: 'docker' | 'podman',
  { machine, arch, column }: (typeof MACHINES)[number],
  capabilities: readonly Capability[],
): string[] {
  const programOf = (profile: ReturnType<typeof profileOf>): Uint8Array =>
    compileSeccomp(profile, { arch: machine, capabilities }).program;
  const [ours, theirs] = [programOf(defaultSeccompProfile()), programOf(profileOf(other))];
  return Object.entries(SYSCALLS).flatMap(([name, { [column]: number }]) => {
    if (number === null) return [];
    const calls = [[], ...(ARGUMENTS[name] ?? [])].map((first) => ({
      arch,
      number,
      args: [...first, ...NONE].slice(0, 6),
    }));
    const isLaxer = calls.some(
      (call) => runFilter(ours, call).value === ALLOW && runFilter(theirs, call).value !== ALLOW,
    );
    return isLaxer ? [name] : [];
  });
}

/** The rows of the table in docs/seccomp.md: for each call, and capability with which it is so. */
function documented(other: 'Docker' | 'Podman'): Difference[] {
  const text = readFileSync(join(__dirname, '../../docs/seccomp.md'), 'utf8');
  const [, section = ''] = text.split('### Compared with Docker and Podman\n');
  const rows = section
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => {
    const [, calls = '', who = '', capability = '', why = ''] = row.split('|').map((cell) => cell.trim());
    expect({ row, long: why.length > 20 }).toEqual({ row, long: true });
    if (!who.includes(other)) return [];
    return [...calls.matchAll(/`(\w+)`/g)].map(([, name = '']) => ({
      name,
      capability: capability.replaceAll('`', ''),
    }));
  });
}

const text = ({ name, capability }: Difference): string => (capability === '' ? name : `${name} with ${capability}`);

describe.each(['Docker', 'Podman'] as const)("beside %s's profile", (other) => {
  const file = other.toLowerCase() as 'docker' | 'podman';

  needs({ profile: [file] }).test('the default one is laxer in nothing but what the documentation says', () => {
    const found = new Set<string>();
    for (const machine of MACHINES) {
      const always = laxer(file, machine, []);
      always.forEach((name) => found.add(text({ name, capability: '' })));
      for (const capability of CAPABILITIES) {
        const more = laxer(file, machine, [capability]).filter((name) => !always.includes(name));
        more.forEach((name) => found.add(text({ name, capability })));
      }
    }
    expect([...found].sort()).toEqual(documented(other).map(text).sort());
  });
});
