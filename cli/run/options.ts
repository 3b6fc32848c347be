/** The options of `linux-ns run`. */
import { NAMESPACE_KINDS } from 'linux-ns';
import type { Option } from '../command';
import { COPY_OPTIONS } from './copy';
import { EGRESS_OPTIONS } from './egress';
import { LIMIT_OPTIONS } from './limits';
import { SETTINGS_OPTIONS } from './settings';

const FILES: readonly Option[] = [
  { name: 'host-view', help: 'the host as you see it, without keys; read-only' },
  { name: 'host-userland', short: 'H', help: 'host programs and libraries, read-only' },
  {
    ...{ name: 'project', short: 'p', value: 'DIR', completes: 'directory' },
    help: 'write in DIR, start there; the rest is as -H',
  },
  ...COPY_OPTIONS,
  ...SETTINGS_OPTIONS,
  { name: 'no-toolchains', rare: true, help: 'with -H and -p, no programs from outside of /usr' },
  {
    name: 'root',
    short: 'r',
    value: 'DIR',
    completes: 'directory',
    help: 'use DIR as root, read-only (default: empty root)',
  },
  { name: 'writable-root', rare: true, help: 'make the root of --root writable' },
  {
    ...{ name: 'overlay-root', rare: true, value: 'DIR', completes: 'directory' },
    help: 'use DIR as root; discard changes',
  },
  {
    ...{ name: 'upper', rare: true, value: 'DIR', completes: 'directory' },
    help: 'keep changes to the --overlay or --overlay-root in DIR',
  },
  {
    name: 'ro-bind',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'bind-mount SOURCE on TARGET, read-only',
  },
  {
    name: 'bind',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'bind-mount SOURCE on TARGET, writable',
  },
  {
    name: 'dev-bind',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'same as --bind, with access to devices',
  },
  {
    name: 'ro-bind-try',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'same as --ro-bind, if SOURCE exists',
  },
  { name: 'bind-try', rare: true, value: 'SOURCE TARGET', completes: 'file', help: 'same as --bind, if SOURCE exists' },
  {
    name: 'dev-bind-try',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'same as --dev-bind, if SOURCE exists',
  },
  { name: 'readable', rare: true, value: 'PATH', completes: 'file', help: 'same as --ro-bind PATH PATH' },
  { name: 'writable', rare: true, value: 'PATH', completes: 'file', help: 'same as --bind PATH PATH' },
  { name: 'volume', short: 'v', rare: true, value: 'SOURCE:TARGET[:ro]', help: 'bind-mount SOURCE on TARGET' },
  { name: 'tmpfs', rare: true, value: 'TARGET', help: 'mount a tmpfs on TARGET' },
  { name: 'dir', rare: true, value: 'TARGET', help: 'create a directory' },
  { name: 'symlink', rare: true, value: 'TO TARGET', help: 'create a symbolic link to TO' },
  {
    name: 'file',
    rare: true,
    value: 'SOURCE TARGET',
    completes: 'file',
    help: 'copy SOURCE to TARGET; -: standard input',
  },
  { name: 'ro-file', rare: true, value: 'SOURCE TARGET', completes: 'file', help: 'same as --file, read-only' },
  { name: 'perms', rare: true, value: 'MODE', help: 'set the mode of the next --tmpfs, --dir or --file' },
  { name: 'size', rare: true, value: 'BYTES', help: 'set the size of the next --tmpfs' },
  { name: 'chmod', rare: true, value: 'MODE TARGET', help: 'change the mode of TARGET' },
  { name: 'remount-ro', rare: true, value: 'TARGET', help: 'remount TARGET read-only' },
  { name: 'mask', rare: true, value: 'TARGET', help: 'hide TARGET' },
  { name: 'proc', rare: true, value: 'TARGET', help: 'mount proc on TARGET' },
  { name: 'dev', rare: true, value: 'TARGET', help: 'mount a new /dev on TARGET' },
  { name: 'mqueue', rare: true, value: 'TARGET', help: 'mount mqueue on TARGET' },
  { name: 'auto-proc', rare: true, help: 'where /proc cannot be mounted, show that of the host, read-only' },
  { name: 'no-proc', rare: true, help: 'do not mount /proc' },
  { name: 'no-dev', rare: true, help: 'do not mount /dev' },
];

export const RUN_OPTIONS: readonly Option[] = [
  ...FILES,
  {
    ...{ name: 'network', short: 'n', value: 'WHICH', completes: 'network' },
    help: 'use network none (default), host, a name or path',
  },
  ...EGRESS_OPTIONS,
  { name: 'env', short: 'e', value: 'NAME[=VALUE]', help: 'set a variable; without VALUE, pass it on' },
  { name: 'setenv', rare: true, value: 'NAME VALUE', help: 'set a variable' },
  { name: 'unsetenv', rare: true, value: 'NAME', help: 'unset a variable' },
  { name: 'chdir', short: 'w', rare: true, value: 'DIR', help: 'set the working directory in the sandbox' },
  { name: 'hostname', rare: true, value: 'NAME', help: 'set the hostname' },
  { name: 'add-host', rare: true, value: 'NAME:ADDRESS', help: 'add a name to /etc/hosts; may be repeated' },
  { name: 'monotonic', rare: true, value: 'SECONDS', help: 'set the offset of CLOCK_MONOTONIC' },
  { name: 'boottime', rare: true, value: 'SECONDS', help: 'set the offset of CLOCK_BOOTTIME' },
  { name: 'uid', short: 'u', rare: true, value: 'UID', help: 'set the user id in the sandbox' },
  { name: 'gid', rare: true, value: 'GID', help: 'set the group id in the sandbox' },
  {
    name: 'map',
    rare: true,
    value: 'HOW',
    completes: ['root', 'current', 'auto'],
    help: 'map ids: root, current or auto',
  },
  {
    ...{ name: 'share', rare: true, value: 'KIND', completes: NAMESPACE_KINDS },
    help: "share the host's namespace of this kind",
  },
  {
    ...{ name: 'userns', rare: true, value: 'FILE', completes: 'file' },
    help: 'build it in this user namespace: a file, or a descriptor',
  },
  {
    ...{ name: 'pidns', rare: true, value: 'FILE', completes: 'file' },
    help: 'run programs in this pid namespace: a file, or a descriptor',
  },
  ...LIMIT_OPTIONS,
  {
    ...{ name: 'memory', short: 'm', rare: true, value: 'BYTES' },
    help: 'limit memory, e.g. 512m (needs a cgroup)',
  },
  { name: 'pids-limit', rare: true, value: 'N', help: 'limit the number of processes (needs a cgroup)' },
  { name: 'cpus', rare: true, value: 'N', help: 'limit processors, e.g. 1.5 (needs a cgroup)' },
  { name: 'cgroup-parent', rare: true, value: 'DIR', completes: 'directory', help: 'create that cgroup in DIR' },
  { name: 'ulimit', rare: true, value: 'NAME=SOFT[:HARD]', help: 'set a resource limit, e.g. nofile=100' },
  { name: 'cap-add', rare: true, value: 'NAME', help: 'grant a capability, or ALL (default: none)' },
  {
    ...{ name: 'seccomp', rare: true, value: 'FILE', completes: 'file' },
    help: 'use a JSON profile, a BPF program, default or none',
  },
  { name: 'no-unix-sockets', rare: true, help: 'forbid sockets of AF_UNIX, but for connected pairs' },
  { name: 'allow-userns', rare: true, help: 'allow user namespaces in the sandbox (bwrap, browsers)' },
  { name: 'disable-userns', rare: true, help: 'have the kernel forbid them, whatever the filter' },
  {
    ...{ name: 'preserve-fd', rare: true, value: 'FD' },
    help: 'pass on descriptor FD; may be repeated',
  },
  { name: 'die-with-parent', rare: true, help: 'end when the process that started linux-ns ends' },
  { name: 'spec', rare: true, value: 'FILE', completes: 'file', help: 'read a SandboxSpec as JSON; -: standard input' },
  {
    ...{ name: 'explain', value: 'settings', optional: true, completes: ['settings'] },
    help: 'only print what it would have, or its settings',
  },
];
