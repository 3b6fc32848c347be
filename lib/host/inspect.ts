import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { Errno } from '../errors/errno';
import { type UnshareSpec, run } from '../launch/target';
import { NAMESPACE_KINDS, type NamespaceKind } from '../namespace/kind';
import { attempt, evidence, refused, remedyOf, unknown } from './check';
import { cgroupDelegation, idmappedMount, landlock, overlayMount, procMount, tmpfsMount } from './features';
import { explain } from './hints';
import { changedRoot } from './hints/clone';
import {
  filteredBySeccomp,
  forbiddenByDebian,
  isNested,
  refusedBySecurityModule,
  restrictedByAppArmor,
} from './hints/evidence';
import { HostFiles } from './proc';
import type { HostCheck, HostReport, Verdict } from './report';
import { unsupportedReason } from './support';

type Check = (host: HostFiles) => Promise<HostCheck> | HostCheck;

/**
 * Finds out what this host allows this process, and really tries what can be tried, in short-lived tasks that leave
 * nothing behind. What is refused comes with its cause and a remedy, in the words of {@link NamespaceError.hint}.
 *
 * Needs no privilege. The result holds for this process: its user, its capabilities and its container.
 *
 * @example
 * ```ts
 * const { checks } = await inspectHost();
 * for (const { id, verdict, found, remedy } of checks) if (verdict !== 'ok') console.log(id, verdict, found, remedy);
 * ```
 */
export async function inspectHost(): Promise<HostReport> {
  const host = new HostFiles();
  const about = { kernel: release(), arch: process.arch, node: process.version, uid: process.geteuid?.() ?? -1 };
  const kernel = kernelCheck();
  if (kernel.verdict === 'no') return { ...about, verdict: 'no', checks: [kernel] };
  const checks: HostCheck[] = [kernel];
  for (const check of CHECKS) checks.push(await check(host));
  return { ...about, verdict: worstOf(checks), checks };
}

const CHECKS: readonly Check[] = [
  ...NAMESPACE_KINDS.map(
    (kind): Check =>
      (host) =>
        kindCheck(kind, host),
  ),
  privilegesInside,
  debianSysctl,
  appArmorSysctl,
  seccompFilter,
  securityModule,
  noNewPrivileges,
  changedRootCheck,
  container,
  idRanges,
  () => idTool('newuidmap'),
  () => idTool('newgidmap'),
  procMount,
  tmpfsMount,
  overlayMount,
  idmappedMount,
  cgroupDelegation,
  landlock,
  otherProcesses,
  networkTools,
];

function kernelCheck(): HostCheck {
  const reason = unsupportedReason(process.platform, release());
  const base = { id: 'kernel', title: 'Linux', tried: 'compared its version' };
  if (reason === undefined) return { ...base, verdict: 'ok', found: release() };
  return { ...base, verdict: 'no', found: release(), remedy: `linux-ns needs ${reason}.` };
}

/** Alone it takes privilege; with a user namespace it takes none. */
async function kindCheck(kind: NamespaceKind, host: HostFiles): Promise<HostCheck> {
  const base = { id: kind, title: `${kind} namespaces`, tried: 'created one in a task that ended at once' };
  const limit = host.sysctl(`user.max_${kind}_namespaces`);
  const most = limit === undefined ? '' : `, at most ${limit} (user.max_${kind}_namespaces)`;
  const below = await attempt(() => run({ unshare: { user: true, [kind]: true } }, []));
  if (kind === 'user') {
    return below === undefined ? { ...base, verdict: 'ok', found: `can be created${most}` } : refused(base, below);
  }
  const alone = await attempt(() => run({ unshare: { [kind]: true } }, []));
  if (alone === undefined && below === undefined) return { ...base, verdict: 'ok', found: `can be created${most}` };
  if (below === undefined) return { ...base, verdict: 'ok', found: `can be created with a user namespace${most}` };
  if (alone !== undefined) return refused(base, below);
  const found = `can be created, but not with a user namespace${most}`;
  return { ...base, verdict: 'limited', found, ...remedyOf(below) };
}

/** AppArmor lets them be made, and takes their capabilities away. */
async function privilegesInside(): Promise<HostCheck> {
  const base = {
    id: 'user-capabilities',
    title: 'privileges in a user namespace',
    tried: 'set a hostname and brought a loopback interface up in new namespaces',
  };
  const spec: UnshareSpec = { user: true, uts: { hostname: 'inspect' }, net: { loopback: true } };
  const outcome = await attempt(() => run({ unshare: spec }, []));
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'root inside has them' } : refused(base, outcome);
}

function debianSysctl(host: HostFiles): HostCheck {
  const base = {
    id: 'unprivileged-userns-clone',
    title: "Debian's switch for user namespaces",
    tried: 'read the sysctl',
  };
  return evidence(base, 'no', forbiddenByDebian(host), 'not in the way', 'switched off');
}

function appArmorSysctl(host: HostFiles): HostCheck {
  const base = { id: 'apparmor-userns', title: "AppArmor's restriction of user namespaces", tried: 'read the sysctl' };
  const failure = { operation: 'clone', errno: Errno.EPERM, syscall: 'clone3', kinds: ['user'] as const };
  return evidence(
    base,
    'limited',
    restrictedByAppArmor(failure, host),
    'not in the way',
    'restricted without a profile',
  );
}

function seccompFilter(host: HostFiles): HostCheck {
  const base = { id: 'seccomp', title: 'seccomp filter on this process', tried: 'read /proc/self/status' };
  if (host.status('Seccomp') === undefined) return unknown(base, 'no Seccomp in /proc/self/status');
  const remedy = filteredBySeccomp(host, ['what does not work here']);
  return evidence(base, 'limited', remedy, 'none', 'installed: it may refuse calls');
}

function securityModule(host: HostFiles): HostCheck {
  const base = { id: 'security-module', title: 'security module', tried: 'read the label of this process' };
  return evidence(
    base,
    'limited',
    refusedBySecurityModule(host),
    'does not confine this process',
    'confines this process',
  );
}

function noNewPrivileges(host: HostFiles): HostCheck {
  const base = { id: 'no-new-privileges', title: 'no_new_privs', tried: 'read /proc/self/status' };
  if (host.status('NoNewPrivs') === undefined) return unknown(base, 'no NoNewPrivs in /proc/self/status');
  const remedy =
    host.status('NoNewPrivs') === '1'
      ? 'Set-user-ID programs do not gain privileges here, newuidmap and newgidmap among them, and the flag is never taken ' +
        'away. Start Node without it (systemd: NoNewPrivileges=no, Docker: without --security-opt no-new-privileges).'
      : undefined;
  return evidence(base, 'limited', remedy, 'not set', 'set');
}

function changedRootCheck(host: HostFiles): HostCheck {
  const base = { id: 'chroot', title: 'root directory', tried: 'looked for / among the mounts' };
  return evidence(base, 'no', changedRoot(host), 'is the root of the mount namespace', 'is a chroot');
}

/** Not a fault by itself: what it keeps from working other checks tell. */
function container(host: HostFiles): HostCheck {
  const signs = [
    ...(host.mode('/.dockerenv') === undefined ? [] : ['Docker (/.dockerenv)']),
    ...(host.mode('/run/.containerenv') === undefined ? [] : ['Podman (/run/.containerenv)']),
    ...(isNested(host, 'user') === true ? ['a user namespace'] : []),
    ...(isNested(host, 'pid') === true ? ['a pid namespace'] : []),
  ];
  const base = { id: 'container', title: 'container', tried: 'looked for its marks, and at /proc/self/ns' };
  return { ...base, verdict: 'ok', found: signs.length === 0 ? 'none to be seen' : `in ${signs.join(', ')}` };
}

async function idRanges(): Promise<HostCheck> {
  const base = { id: 'id-ranges', title: "more ids than one ('auto')", tried: 'mapped all that /etc/subuid grants' };
  const spec: UnshareSpec = { user: { uidMap: 'auto', gidMap: 'auto' } };
  const outcome = await attempt(() => run({ unshare: spec }, []));
  if (outcome === undefined) return { ...base, verdict: 'ok', found: 'can be mapped' };
  return { ...base, verdict: 'limited', found: outcome.message, ...remedyOf(outcome) };
}

async function idTool(program: 'newuidmap' | 'newgidmap'): Promise<HostCheck> {
  const base = { id: program, title: program, tried: 'looked in PATH' };
  const path = await findProgram(program);
  if (path !== undefined) return { ...base, verdict: 'ok', found: path };
  const remedy = explain({ operation: program, errno: Errno.ENOENT, syscall: 'execve' });
  return { ...base, verdict: 'limited', found: 'not installed', ...(remedy === undefined ? {} : { remedy }) };
}

/** hidepid=, proc(5). Process 1 is always there. */
function otherProcesses(host: HostFiles): HostCheck {
  const base = { id: 'proc-visibility', title: 'processes in /proc', tried: 'looked for process 1' };
  const remedy = host.has('1')
    ? undefined
    : 'Discovery sees only the processes that this user may. The administrator chooses with the mount option hidepid= of ' +
      '/proc, and may let a group see all with gid= (proc(5)).';
  return evidence(base, 'limited', remedy, 'all are shown', 'those of others are hidden');
}

async function networkTools(): Promise<HostCheck> {
  const base = { id: 'rootless-network', title: 'network without root', tried: 'looked in PATH, and at /dev/net/tun' };
  const tools = await Promise.all(['pasta', 'slirp4netns'].map(findProgram));
  const tool = tools.find((path) => path !== undefined);
  const tun = await isAllowed('/dev/net/tun', constants.R_OK | constants.W_OK);
  if (tool !== undefined && tun) return { ...base, verdict: 'ok', found: tool };
  const remedy =
    tool === undefined
      ? "To give a network namespace a way out without privilege, install pasta ('sudo apt install passt') or slirp4netns."
      : "/dev/net/tun may not be opened by this process: 'sudo modprobe tun', or have the container given that device.";
  return { ...base, verdict: 'limited', found: tool ?? 'neither pasta nor slirp4netns', remedy };
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    if (directory !== '' && (await isAllowed(path, constants.X_OK))) return path;
  }
  return undefined;
}

async function isAllowed(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false;
  }
}

function worstOf(checks: readonly HostCheck[]): Verdict {
  const verdicts = checks.map(({ verdict }) => verdict);
  return (['no', 'limited', 'unknown'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'ok';
}
