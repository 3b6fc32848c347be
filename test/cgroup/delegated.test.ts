/** The cgroups in which limits can be set for a run, on hosts of all kinds: found by their files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDelegated } from '../../lib/cgroup/delegated';
import { HostFiles } from '../../lib/kernel/host-files';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ns-delegated-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A host whose process is in these cgroups, with these mounts: type, mount point below the folder, and options. */
function host(cgroups: string[], mounts: [type: string, target: string, options: string][]): HostFiles {
  const self = join(folder, 'proc/self');
  mkdirSync(self, { recursive: true });
  writeFileSync(join(self, 'cgroup'), `${cgroups.join('\n')}\n`);
  const lines = mounts.map(
    ([type, target, options], id) => `${id} 1 0:${id} / ${join(folder, target)} rw - ${type} ${type} ${options}\n`,
  );
  writeFileSync(join(self, 'mountinfo'), lines.join(''));
  return new HostFiles(join(folder, 'proc'));
}

/** A directory of a version 2 hierarchy, which has files of these contents. */
function cgroup2(path: string, subtreeControl: string, controllers: string, procs = '1\n'): string {
  const directory = join(folder, path);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'cgroup.subtree_control'), subtreeControl);
  writeFileSync(join(directory, 'cgroup.controllers'), controllers);
  writeFileSync(join(directory, 'cgroup.procs'), procs);
  return directory;
}

const UNIFIED: [string, string, string] = ['cgroup2', 'fs', 'rw,nsdelegate'];

test('the own cgroup, where it has no processes and may pass the controllers on', () => {
  const own = cgroup2('fs/own', '', 'memory pids', '');
  expect(findDelegated(host(['0::/own'], [UNIFIED]))).toEqual({ version: 2, parent: own });
});

test('of a service manager, the nearest above that passes the controllers on', () => {
  cgroup2('fs/user.slice/user@1000.service/app.slice/shell.scope', '', 'memory pids');
  const slice = cgroup2('fs/user.slice/user@1000.service/app.slice', 'memory pids', 'memory pids');
  cgroup2('fs/user.slice/user@1000.service', 'memory pids', 'memory pids');
  const path = '/user.slice/user@1000.service/app.slice/shell.scope';
  expect(findDelegated(host([`0::${path}`], [UNIFIED]))).toEqual({ version: 2, parent: slice });
});

test('none where processes are in the only one, or a controller is missing', () => {
  cgroup2('fs', '', 'cpu');
  cgroup2('fs/own', '', 'memory pids');
  expect(findDelegated(host(['0::/own'], [UNIFIED]))).toBeUndefined();
});

test('version 1, where its three controllers are mounted, alone or with others', () => {
  for (const name of ['memory/own', 'pids', 'cpu/box']) mkdirSync(join(folder, name), { recursive: true });
  const mounts: [string, string, string][] = [
    ['cgroup', 'memory', 'rw,memory'],
    ['cgroup', 'pids', 'rw,pids'],
    ['cgroup', 'cpu', 'rw,cpu,cpuacct'],
  ];
  const lines = ['5:memory:/own', '4:cpu,cpuacct:/box', '3:pids:/', '0::/'];
  const parents = ['memory/own', 'pids', 'cpu/box'].map((each) => join(folder, each));
  expect(findDelegated(host(lines, mounts))).toEqual({ version: 1, parents });
  expect(findDelegated(host(lines, mounts.slice(1)))).toBeUndefined();
});

test('none without cgroups', () => {
  expect(findDelegated(host([], []))).toBeUndefined();
  expect(findDelegated(new HostFiles(join(folder, 'nothing')))).toBeUndefined();
});
