import { type StepName, row } from './row';
import { describeIds, describePids, describePropagation, describeTree, kindsIn, resourcesOf } from './words';

/**
 * The steps of a plan, in the order of src/plan/steps.h, which has the same ones. Each row has everything that this
 * library knows about the step. The types of the fields, and their meaning, are in types/native.d.ts.
 */
export const STEPS = {
  in_place: row('in_place', [], { words: () => 'begin in place', kind: undefined, explain: undefined }),
  join: row('join', ['fds', 'flags'], {
    words: ({ flags }) => `join ${kindsIn(flags)}`,
    kind: undefined,
    explain: 'join',
  }),
  set_tid: row('set_tid', ['pids'], {
    words: ({ pids }) => describePids(pids),
    kind: undefined,
    explain: 'set_tid',
  }),
  fork: row('fork', [], { words: () => 'fork', kind: 'pid', explain: 'fork' }),
  gate: row('gate', ['gate'], { words: () => 'wait for the start', kind: undefined, explain: undefined }),
  unshare: row(
    'unshare',
    ['flags', 'setgroups', 'uidMap', 'gidMap', 'timensOffsets'],
    { words: ({ flags }) => `unshare ${kindsIn([flags])}`, kind: undefined, explain: 'clone' },
    { setgroups: null, uidMap: null, gidMap: null, timensOffsets: null },
  ),
  hostname: row('hostname', ['name'], {
    words: () => 'set hostname',
    kind: 'uts',
    explain: 'hostname',
  }),
  domainname: row('domainname', ['name'], {
    words: () => 'set domainname',
    kind: 'uts',
    explain: 'hostname',
  }),
  loopback: row('loopback', [], { words: () => 'bring lo up', kind: 'net', explain: 'loopback' }),
  make_net: row('make_net', [], { words: () => 'unshare net', kind: 'net', explain: undefined }),
  enter_net: row('enter_net', [], { words: () => 'unshare net', kind: 'net', explain: undefined }),
  propagation: row('propagation', ['path', 'flags'], {
    words: ({ path, flags }) => `make ${path} ${describePropagation(flags)}`,
    kind: 'mnt',
    explain: 'propagation',
  }),
  trees: row('trees', ['paths'], {
    words: ({ paths }) => `take along ${paths.join(', ')}`,
    kind: 'mnt',
    explain: 'mount',
  }),
  host_files: row('host_files', ['directory', 'names'], {
    words: ({ directory }) => `make a root with ${directory}`,
    kind: 'mnt',
    explain: 'mount',
  }),
  umount: row('umount', ['target', 'flags'], {
    words: ({ target }) => `umount ${target}`,
    kind: 'mnt',
    explain: 'umount',
  }),
  fs: row(
    'fs',
    ['type', 'source', 'parameters', 'attributes', 'target', 'flags'],
    {
      words: ({ type, target }) => (target === null ? `mount ${type}` : `mount ${type} on ${target}`),
      kind: 'mnt',
      explain: 'mount',
    },
    { source: null, parameters: [], attributes: 0, flags: 0 },
  ),
  tree: row(
    'tree',
    ['source', 'fds', 'flags', 'set', 'clear', 'propagation', 'userns', 'target'],
    { words: describeTree, kind: 'mnt', explain: 'mount' },
    { source: null, fds: [], flags: 0, set: 0, clear: 0, propagation: 0, userns: [] },
  ),
  overlay: row(
    'overlay',
    ['lower', 'upper', 'work', 'parameters', 'attributes', 'target', 'flags'],
    {
      words: ({ target }) => (target === null ? 'mount overlay' : `mount overlay on ${target}`),
      kind: 'mnt',
      explain: 'mount',
    },
    { upper: null, work: null, parameters: [], attributes: 0, flags: 0 },
  ),
  remount: row(
    'remount',
    ['target', 'recursive', 'set', 'clear', 'parameters'],
    { words: ({ target }) => `remount ${target}`, kind: 'mnt', explain: undefined },
    { recursive: 0, set: 0, clear: 0, parameters: [] },
  ),
  move: row('move', ['source', 'target'], {
    words: ({ source, target }) => `move ${source} to ${target}`,
    kind: 'mnt',
    explain: 'mount',
  }),
  seal: row('seal', ['target', 'attributes', 'flags'], {
    words: ({ target }) => `make ${target} read-only`,
    kind: 'mnt',
    explain: 'mount',
  }),
  mask: row('mask', ['target', 'optional'], {
    words: ({ target }) => `mask ${target}`,
    kind: 'mnt',
    explain: 'mount',
  }),
  protect: row('protect', ['target', 'type'], {
    words: ({ target }) => `protect ${target}`,
    kind: 'mnt',
    explain: 'mount',
  }),
  data: row(
    'data',
    ['target', 'mode', 'contents', 'from', 'attributes', 'flags'],
    { words: ({ target }) => `mount data on ${target}`, kind: 'mnt', explain: 'mount' },
    { from: [], attributes: 0, flags: 0 },
  ),
  owner: row('owner', ['uid', 'gid'], {
    words: ({ uid, gid }) => `make files of ${describeIds(uid, gid)}`,
    kind: undefined,
    explain: undefined,
  }),
  make_dir: row(
    'make_dir',
    ['path', 'mode', 'flags'],
    { words: ({ path }) => `make directory ${path}`, kind: undefined, explain: 'file' },
    { mode: -1, flags: 0 },
  ),
  make_link: row('make_link', ['path', 'to'], {
    words: ({ path }) => `make link ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  make_file: row(
    'make_file',
    ['path', 'mode', 'contents', 'from'],
    { words: ({ path }) => `make file ${path}`, kind: undefined, explain: 'file' },
    { mode: -1, from: [] },
  ),
  chmod: row('chmod', ['path', 'mode'], {
    words: ({ path }) => `chmod ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  nest: row(
    'nest',
    ['flags', 'setgroups', 'uidMap', 'gidMap'],
    { words: () => 'make a user namespace below', kind: undefined, explain: 'clone' },
    { setgroups: null, uidMap: null, gidMap: null },
  ),
  enter_nest: row('enter_nest', ['flags'], {
    words: () => 'enter the user namespace below',
    kind: undefined,
    explain: undefined,
  }),
  namespaces: row('namespaces', ['flags'], {
    words: ({ flags }) => `open ${kindsIn(flags)}`,
    kind: undefined,
    explain: 'open',
  }),
  open_file: row('open_file', ['path', 'openFlags', 'mode'], {
    words: ({ path }) => `open ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  save_file: row(
    'save_file',
    ['path', 'openFlags', 'mode', 'contents', 'from'],
    { words: ({ path }) => `write ${path}`, kind: undefined, explain: 'file' },
    { from: [] },
  ),
  list: row('list', ['path', 'maxBytes', 'maxEntries'], {
    words: ({ path }) => `list ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  changes: row(
    'changes',
    ['upper', 'lower', 'maxBytes', 'maxEntries', 'flags'],
    { words: () => 'list changes', kind: undefined, explain: 'file' },
    { flags: 0 },
  ),
  read_below: row('read_below', ['from', 'path', 'maxBytes'], {
    words: ({ path }) => `read ${Buffer.from(path).toString()}`,
    kind: undefined,
    explain: 'file',
  }),
  put_below: row(
    'put_below',
    ['from', 'source', 'to', 'target', 'expected', 'flags'],
    { words: ({ target }) => `put ${Buffer.from(target).toString()}`, kind: undefined, explain: 'file' },
    { flags: 0 },
  ),
  remove_below: row('remove_below', ['from', 'path', 'expected'], {
    words: ({ path }) => `remove ${Buffer.from(path).toString()}`,
    kind: undefined,
    explain: 'file',
  }),
  sync_below: row('sync_below', ['from'], { words: () => 'sync', kind: undefined, explain: 'file' }),
  placeholders: row('placeholders', ['sandbox', 'directories', 'names'], {
    words: () => 'make placeholders for protected paths',
    kind: 'mnt',
    explain: 'mount',
  }),
  unmake: row('unmake', ['points'], {
    words: () => 'remove mount points',
    kind: undefined,
    explain: undefined,
  }),
  null_device: row('null_device', [], { words: () => 'open /dev/null', kind: undefined, explain: undefined }),
  pivot_root: row(
    'pivot_root',
    ['newRoot', 'putOld'],
    {
      words: ({ newRoot }) => (newRoot === null ? 'change root' : `change root to ${newRoot}`),
      kind: 'mnt',
      explain: 'mount',
    },
    { newRoot: null, putOld: null },
  ),
  write_file: row('write_file', ['path', 'openFlags', 'data'], {
    words: ({ path }) => `write ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  try_write_file: row('try_write_file', ['path', 'openFlags', 'data'], {
    words: ({ path }) => `write ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  read_file: row('read_file', ['path', 'maxBytes'], {
    words: ({ path }) => `read ${path}`,
    kind: undefined,
    explain: 'file',
  }),
  mountinfo: row('mountinfo', [], { words: () => 'read mountinfo', kind: 'mnt', explain: undefined }),
  socket: row('socket', ['domain', 'type', 'protocol'], {
    words: () => 'create socket',
    kind: 'net',
    explain: 'socket',
  }),
  sockets: row('sockets', ['requests'], { words: () => 'create sockets', kind: 'net', explain: undefined }),
  tun: row(
    'tun',
    ['name', 'flags', 'owner', 'group', 'persistent'],
    { words: ({ name }) => `open tun ${name}`, kind: 'net', explain: 'tun' },
    { owner: -1, group: -1, persistent: 0 },
  ),
  netns_directory: row('netns_directory', ['path'], {
    words: ({ path }) => `make ${path} a shared mount`,
    kind: 'net',
    explain: 'netns_directory',
  }),
  netns_add: row(
    'netns_add',
    ['path', 'net'],
    { words: ({ path }) => `mount net on ${path}`, kind: 'net', explain: 'netns_add' },
    { net: [] },
  ),
  netns_clear: row('netns_clear', ['path'], {
    words: ({ path }) => `take ${path} away`,
    kind: undefined,
    explain: undefined,
  }),
  netns_remove: row('netns_remove', ['path', 'inode'], {
    words: ({ path }) => `remove ${path}`,
    kind: 'net',
    explain: 'netns_remove',
  }),
  cover: row('cover', ['source', 'target'], {
    words: ({ source, target }) => `bind ${source} on ${target}`,
    kind: undefined,
    explain: 'mount',
  }),
  oom_score_adj: row('oom_score_adj', ['text'], {
    words: ({ text }) => `set oom_score_adj to ${text}`,
    kind: undefined,
    explain: 'oom_score_adj',
  }),
  raise_limits: row('raise_limits', ['limits'], {
    words: ({ limits }) => `raise rlimits of ${resourcesOf(limits, 2)}`,
    kind: undefined,
    explain: 'rlimits',
  }),
  rlimits: row('rlimits', ['limits'], {
    words: ({ limits }) => `set rlimits of ${resourcesOf(limits, 3)}`,
    kind: undefined,
    explain: 'rlimits',
    last: true,
  }),
  signal_all: row('signal_all', ['signal'], {
    words: ({ signal }) => `send signal ${signal} to all processes`,
    kind: 'pid',
    explain: undefined,
  }),
  priority: row('priority', ['nice'], {
    words: ({ nice }) => `set nice value to ${nice}`,
    kind: undefined,
    explain: 'priority',
  }),
  umask: row('umask', ['mask'], {
    words: ({ mask }) => `set umask to 0${mask.toString(8)}`,
    kind: undefined,
    explain: undefined,
  }),
  affinity: row('affinity', ['processors'], {
    words: ({ processors }) => `set affinity to processors ${processors.join(', ')}`,
    kind: undefined,
    explain: 'affinity',
  }),
  personality: row('personality', ['persona'], {
    words: ({ persona }) => `set personality to 0x${persona.toString(16)}`,
    kind: undefined,
    explain: 'personality',
  }),
  keep_caps: row('keep_caps', [], {
    words: () => 'keep capabilities',
    kind: undefined,
    explain: undefined,
  }),
  capabilities: row(
    'capabilities',
    ['bounding', 'inheritable', 'ambient', 'securebits', 'exceptRoot'],
    { words: () => 'set capabilities', kind: undefined, explain: 'capabilities', last: true },
    { bounding: -1, inheritable: -1, ambient: -1, securebits: -1, exceptRoot: 0 },
  ),
  pty: row('pty', ['columns', 'rows'], {
    words: () => 'open a terminal',
    kind: undefined,
    explain: 'pty',
    last: true,
  }),
  foreground: row('foreground', ['terminal'], {
    words: () => 'take the foreground of the terminal',
    kind: undefined,
    explain: undefined,
  }),
  setsid: row('setsid', [], { words: () => 'start a session', kind: undefined, explain: 'setsid' }),
  fchdir: row('fchdir', ['directory'], {
    words: () => 'change directory to a descriptor',
    kind: undefined,
    explain: undefined,
  }),
  chroot: row('chroot', ['path'], {
    words: ({ path }) => `change root to ${path}`,
    kind: undefined,
    explain: 'chroot',
  }),
  chdir: row('chdir', ['path', 'fallback'], {
    words: ({ path }) => `change directory to ${path}`,
    kind: undefined,
    explain: 'chdir',
  }),
  ids: row(
    'ids',
    ['uid', 'gid', 'setGroups', 'groups'],
    {
      words: ({ uid, gid }) => (uid === -1 && gid === -1 ? 'set groups' : `change ids to ${describeIds(uid, gid)}`),
      kind: undefined,
      explain: 'ids',
    },
    { uid: -1, gid: -1, setGroups: 0, groups: [] },
  ),
  default_ids: row('default_ids', [], {
    words: () => 'change ids to 0:0',
    kind: undefined,
    explain: 'ids',
  }),
  no_new_privs: row('no_new_privs', [], {
    words: () => 'set no_new_privs',
    kind: undefined,
    explain: undefined,
  }),
  new_keyring: row('new_keyring', [], {
    words: () => 'join a new session keyring',
    kind: undefined,
    explain: undefined,
  }),
  lower_caps: row('lower_caps', [], {
    words: () => 'lower capabilities',
    kind: undefined,
    explain: undefined,
  }),
  die_with_parent: row('die_with_parent', ['signal', 'parent'], {
    words: () => 'set parent-death signal',
    kind: undefined,
    explain: undefined,
    last: true,
  }),
  stdio: row('stdio', ['fds'], { words: () => 'set up stdio', kind: undefined, explain: 'stdio', last: true }),
  init: row('init', ['diesWithParent'], { words: () => 'start init', kind: 'pid', explain: 'fork' }),
  landlock: row('landlock', ['fs', 'net', 'scoped', 'paths', 'rules', 'ports'], {
    words: () => 'restrict by Landlock',
    kind: undefined,
    explain: 'landlock',
    last: true,
  }),
  seccomp: row('seccomp', ['program', 'flags'], {
    words: () => 'install seccomp filter',
    kind: undefined,
    explain: 'seccomp',
    last: true,
  }),
  exec: row('exec', ['file', 'argv', 'env'], {
    words: ({ file }) => `exec ${file}`,
    kind: undefined,
    explain: 'exec',
    last: true,
  }),
  outlive: row('outlive', [], { words: () => 'outlive Node', kind: undefined, explain: undefined }),
  hold: row('hold', [], { words: () => 'hold', kind: undefined, explain: undefined }),
  exit: row('exit', [], { words: () => 'exit', kind: undefined, explain: undefined }),
} as const satisfies Readonly<Record<StepName, unknown>>;
