/** Limits that any operation can run into: descriptors, tasks. */
import type { HostFiles } from '../kernel/host-files';
import { listed } from './wording';

/** EMFILE: this process's own limit of descriptors (getrlimit(2)). */
export function noMoreDescriptors(host: HostFiles): string {
  const limit = host.limit('Max open files');
  const limited = limit === undefined ? '' : ` (${limit} here)`;
  return (
    `This process has as many file descriptors open as RLIMIT_NOFILE allows${limited}: close handles that are no ` +
    "longer used, or raise the limit with 'ulimit -n' or LimitNOFILE= before Node starts."
  );
}

/** ENFILE: the limit of the whole system (proc_sys_fs(5)). */
export function noMoreFiles(host: HostFiles): string {
  const limit = host.sysctl('fs.file-max');
  const limited = limit === undefined ? '' : ` (fs.file-max = ${limit})`;
  return (
    `All processes of this host together have as many files open as it allows${limited}: raise it with 'sudo ` +
    "sysctl -w fs.file-max=…'."
  );
}

/** EAGAIN of fork and clone: one of four limits (fork(2), cgroups' pids controller). */
export function noMoreTasks(host: HostFiles): string {
  const cgroup = pidsCgroup(host);
  if (cgroup !== undefined && cgroup.current >= cgroup.max) {
    return (
      `The cgroup ${cgroup.path} has as many tasks as it may (pids.max = ${cgroup.max}): raise it (systemd: ` +
      'TasksMax=; Docker: --pids-limit), or run fewer at once.'
    );
  }
  const processes = host.limit('Max processes');
  const limits = [
    ...(processes === undefined || processes === Infinity ? [] : [`RLIMIT_NPROC = ${processes} for this user`]),
    ...(cgroup === undefined ? [] : [`pids.max = ${cgroup.max} of cgroup ${cgroup.path}`]),
    ...['kernel.threads-max', 'kernel.pid_max'].flatMap((name) => {
      const value = host.sysctl(name);
      return value === undefined ? [] : [`${name} = ${value}`];
    }),
  ];
  const which = limits.length === 0 ? '' : `: one of ${listed(limits)}`;
  return (
    `No more tasks can be started here${which}. End some, or raise the limit ('ulimit -u', TasksMax=, 'sudo sysctl ` +
    "-w')."
  );
}

/** The nearest cgroup, at ours or above it, that limits its tasks, in the hierarchy that has the pids controller. */
function pidsCgroup(host: HostFiles): { path: string; current: number; max: number } | undefined {
  const lines = (host.proc('self/cgroup') ?? '').split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? []);
  const legacy = lines.find(([, controllers]) => controllers?.split(',').includes('pids'));
  const unified = lines.find(([, controllers]) => controllers === '');
  const [root, start] = legacy ? ['fs/cgroup/pids', legacy[2]] : ['fs/cgroup', unified?.[2]];
  const names = (start ?? '').split('/').filter(Boolean);
  for (let depth = names.length; depth >= 0; depth--) {
    const path = `/${names.slice(0, depth).join('/')}`;
    const max = Number(host.sys(`${root}${path}/pids.max`) ?? NaN);
    const current = Number(host.sys(`${root}${path}/pids.current`) ?? NaN);
    if (Number.isInteger(max) && Number.isInteger(current)) return { path, current, max };
  }
  return undefined;
}
