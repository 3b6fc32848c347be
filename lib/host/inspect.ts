import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { Errno } from '../kernel/errno';
import { run } from '../launch/launch';
import type { UnshareSpec } from '../launch/unshare-spec';
import { NAMESPACE_KINDS, type NamespaceKind } from '../kernel/namespace-kind';
import { attempt, evidence, refused, remedyOf, unknown } from './check';
import { cgroupDelegation, idmappedMount, landlock, overlayMount, procMount, sandbox, tmpfsMount } from './features';
import { explain } from '../hints/explain';
import { changedRoot } from '../hints/clone';
import {
  filteredBySeccomp,
  forbiddenByDebian,
  hasSeccompFilter,
  isNested,
  refusedBySecurityModule,
  restrictedByAppArmor,
} from '../hints/evidence';
import { listed } from '../hints/wording';
import { HostFiles } from '../kernel/host-files';
import { native } from '../native';
import { findRefused } from '../task/trial';
import type { HostCheck, HostReport, Verdict } from './report';
import { unsupportedReason } from '../kernel/version';

type Check = (host: HostFiles) => Promise<HostCheck> | HostCheck;

/**
 * Checks what this host allows this process. Features are tested in short-lived tasks that leave nothing behind. For
 * each one that does not work, the report names the cause and a remedy, as {@link NamespaceError.hint} does.
 *
 * Needs no privileges. The result is valid for this process only: it depends on its user, capabilities and container.
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
  const addon = await addonCheck();
  if (addon.verdict !== 'ok') return { ...about, verdict: addon.verdict, checks: [kernel, addon] };
  const checks: HostCheck[] = [kernel, addon];
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
  hostname,
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
  sandbox,
  cgroupDelegation,
  landlock,
  otherProcesses,
  networkTools,
];

function kernelCheck(): HostCheck {
  const reason = unsupportedReason(process.platform, release(), process.arch);
  const base = { id: 'kernel', title: 'Linux kernel', tried: 'compared its version with the oldest that is supported' };
  if (reason === undefined) return { ...base, verdict: 'ok', found: release() };
  return { ...base, verdict: 'no', found: release(), remedy: `linux-ns needs ${reason}.` };
}

/** Without the addon nothing can be tried: each check would fail with its error, whatever the host allows. */
async function addonCheck(): Promise<HostCheck> {
  const base = { id: 'addon', title: 'addon', tried: 'loaded the binary of this package' };
  const outcome = await attempt(() => Promise.resolve(native()));
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be loaded' } : refused(base, outcome);
}

/** Alone, a namespace needs CAP_SYS_ADMIN; together with a user namespace it does not. */
async function kindCheck(kind: NamespaceKind, host: HostFiles): Promise<HostCheck> {
  const base = {
    id: kind,
    title: `${kind} namespaces`,
    tried: `created one in a short-lived task; read user.max_${kind}_namespaces`,
  };
  const limit = host.sysctl(`user.max_${kind}_namespaces`);
  const most = limit === undefined ? '' : `, at most ${limit}`;
  const below = await attempt(() => run({ unshare: { user: true, [kind]: true } }, []));
  if (kind === 'user') {
    return below === undefined ? { ...base, verdict: 'ok', found: `can be created${most}` } : refused(base, below);
  }
  const alone = await attempt(() => run({ unshare: { [kind]: true } }, []));
  if (alone === undefined && below === undefined) return { ...base, verdict: 'ok', found: `can be created${most}` };
  if (below === undefined) return { ...base, verdict: 'ok', found: `with a user namespace${most}` };
  if (alone !== undefined) return refused(base, below);
  const found = `only without a user namespace${most}`;
  return { ...base, verdict: 'limited', found, ...remedyOf(below) };
}

/** AppArmor may allow user namespaces but deny the capabilities in them. */
async function privilegesInside(): Promise<HostCheck> {
  const base = {
    id: 'user-capabilities',
    title: 'user namespace capabilities',
    tried: 'brought the loopback interface up in new namespaces',
  };
  const outcome = await attempt(() => run({ unshare: { user: true, net: { loopback: true } } }, []));
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be used' } : refused(base, outcome);
}

/** The filters of containers may refuse it alone. */
async function hostname(): Promise<HostCheck> {
  const base = { id: 'hostname', title: 'hostname inside', tried: 'set it in new namespaces' };
  const outcome = await attempt(() => run({ unshare: { user: true, uts: { hostname: 'inspect' } } }, []));
  return outcome === undefined ? { ...base, verdict: 'ok', found: 'can be set' } : refused(base, outcome, 'limited');
}

function debianSysctl(host: HostFiles): HostCheck {
  const base = {
    id: 'unprivileged-userns-clone',
    title: 'Debian userns restriction',
    tried: 'read kernel.unprivileged_userns_clone',
  };
  return evidence(base, 'no', forbiddenByDebian(host), 'none', 'user namespaces are disabled');
}

function appArmorSysctl(host: HostFiles): HostCheck {
  const base = {
    id: 'apparmor-userns',
    title: 'AppArmor userns restriction',
    tried: 'read kernel.apparmor_restrict_unprivileged_userns',
  };
  const failure = { operation: 'clone', errno: Errno.EPERM, syscall: 'clone3', kinds: ['user'] as const };
  return evidence(
    base,
    'limited',
    restrictedByAppArmor(failure, host),
    'none',
    'applies to programs without a profile',
  );
}

async function seccompFilter(host: HostFiles): Promise<HostCheck> {
  const tried = 'read /proc/self/status, and made each system call that sandboxes are put together with';
  const base = { id: 'seccomp', title: 'seccomp filter', tried };
  if (host.status('Seccomp') === undefined) return unknown(base, 'no Seccomp in /proc/self/status');
  if (!hasSeccompFilter(host)) return { ...base, verdict: 'ok', found: 'none' };
  const calls = await findRefused();
  if (calls?.length === 0) return { ...base, verdict: 'ok', found: 'installed; refuses none of these calls' };
  const found = calls === undefined ? 'installed; may refuse system calls' : `refuses ${listed(calls)}`;
  return evidence(
    base,
    'limited',
    filteredBySeccomp(host, calls ?? ['the system calls that fail here']),
    'none',
    found,
  );
}

function securityModule(host: HostFiles): HostCheck {
  const base = {
    id: 'security-module',
    title: 'security module',
    tried: 'read the label of this process in /proc/self/attr',
  };
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
      ? 'Set-user-ID programs, such as newuidmap and newgidmap, do not gain privileges, and the flag cannot be cleared. Start ' +
        'Node without it (systemd: NoNewPrivileges=no, Docker: without --security-opt no-new-privileges).'
      : undefined;
  return evidence(base, 'limited', remedy, 'not set', 'set');
}

function changedRootCheck(host: HostFiles): HostCheck {
  const base = { id: 'chroot', title: 'root directory', tried: 'looked for / in /proc/self/mountinfo' };
  return evidence(base, 'no', changedRoot(host), 'root of the mount namespace', 'changed by chroot(2)');
}

/** For information: what a container prevents is the subject of other checks. */
function container(host: HostFiles): HostCheck {
  const signs = [
    ...(host.mode('/.dockerenv') === undefined ? [] : ['Docker (/.dockerenv)']),
    ...(host.mode('/run/.containerenv') === undefined ? [] : ['Podman (/run/.containerenv)']),
    ...(isNested(host, 'user') === true ? ['user namespace'] : []),
    ...(isNested(host, 'pid') === true ? ['pid namespace'] : []),
  ];
  const base = { id: 'container', title: 'container', tried: 'looked for marker files, and at /proc/self/ns' };
  return { ...base, verdict: 'ok', found: signs.length === 0 ? 'none detected' : signs.join(', ') };
}

async function idRanges(): Promise<HostCheck> {
  const base = {
    id: 'id-ranges',
    title: "id ranges ('auto')",
    tried: 'mapped the ranges of /etc/subuid and /etc/subgid',
  };
  const spec: UnshareSpec = { user: { uidMap: 'auto', gidMap: 'auto' } };
  const outcome = await attempt(() => run({ unshare: spec }, []));
  if (outcome === undefined) return { ...base, verdict: 'ok', found: 'can be mapped' };
  return { ...base, verdict: 'limited', found: outcome.message, ...remedyOf(outcome) };
}

async function idTool(program: 'newuidmap' | 'newgidmap'): Promise<HostCheck> {
  const base = { id: program, title: program, tried: 'searched PATH' };
  const path = await findProgram(program);
  if (path !== undefined) return { ...base, verdict: 'ok', found: path };
  const remedy = explain({ operation: program, errno: Errno.ENOENT, syscall: 'execve' });
  return { ...base, verdict: 'limited', found: 'not installed', ...(remedy === undefined ? {} : { remedy }) };
}

/** Process 1 always exists, so it is hidden if it is not in /proc: hidepid= of proc(5). */
function otherProcesses(host: HostFiles): HostCheck {
  const base = { id: 'proc-visibility', title: 'processes in /proc', tried: 'looked for process 1 in /proc' };
  const remedy = host.has('1')
    ? undefined
    : 'Discovery finds only processes of this user, because /proc is mounted with hidepid= (proc(5)). Remount it without ' +
      'that option, or with gid= for a group that may see all processes.';
  return evidence(base, 'limited', remedy, 'all are visible', 'those of other users are hidden');
}

async function networkTools(): Promise<HostCheck> {
  const base = {
    id: 'rootless-network',
    title: 'rootless networking',
    tried: 'searched PATH, and checked access to /dev/net/tun',
  };
  const tools = await Promise.all(['pasta', 'slirp4netns'].map(findProgram));
  const tool = tools.find((path) => path !== undefined);
  const tun = await isAllowed('/dev/net/tun', constants.R_OK | constants.W_OK);
  if (tool !== undefined && tun) return { ...base, verdict: 'ok', found: tool };
  const remedy =
    tool === undefined
      ? "To connect a network namespace without privileges, install pasta ('sudo apt install passt') or slirp4netns."
      : "This process cannot open /dev/net/tun: load the module ('sudo modprobe tun'), or add the device to the container.";
  return {
    ...base,
    verdict: 'limited',
    found: tool === undefined ? 'no pasta or slirp4netns' : 'no access to /dev/net/tun',
    remedy,
  };
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
