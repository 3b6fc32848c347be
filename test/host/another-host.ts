import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HostFiles } from '../../lib/host/proc';

/** The files of a host we cannot be: `{ 'proc/sys/kernel/…': '1' }`. A value `-> target` makes a symbolic link. */
export type Tree = Record<string, string>;

const made: string[] = [];

afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

/** A directory that has these files, and a reader to whom it is the whole host. */
export function anotherHost(tree: Tree): HostFiles {
  const root = mkdtempSync(join(tmpdir(), 'linux-ns-host-'));
  made.push(root);
  for (const [path, text] of Object.entries(tree)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), file);
    else writeFileSync(file, text);
  }
  return new HostFiles(join(root, 'proc'), join(root, 'sys'), join(root, 'etc'));
}

/** `/proc/self/status` of uid and gid 1000, without any capability, unless told otherwise. */
export function statusOf(fields: Record<string, string> = {}): string {
  const usual = {
    Uid: '1000\t1000\t1000\t1000',
    Gid: '1000\t1000\t1000\t1000',
    CapEff: '0000000000000000',
    NoNewPrivs: '0',
    Seccomp: '0',
  };
  return Object.entries({ ...usual, ...fields })
    .map(([field, value]) => `${field}:\t${value}\n`)
    .join('');
}

/** All capabilities, as root of the host has them. */
export const ALL_CAPABILITIES = '000001ffffffffff';

/** An ordinary user of an ordinary host, on which nothing is restricted. */
export const ordinary: Tree = {
  'proc/self/status': statusOf(),
  'proc/self/uid_map': '         0          0 4294967295\n',
  'proc/self/gid_map': '         0          0 4294967295\n',
  'proc/self/mountinfo': [
    '22 27 0:21 / /proc rw,relatime - proc proc rw',
    '23 27 0:22 / /sys rw,relatime - sysfs sysfs rw',
    '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '',
  ].join('\n'),
  'proc/self/ns/user': '-> user:[4026531837]',
  'proc/self/ns/pid': '-> pid:[4026531836]',
  'proc/self/ns/pid_for_children': '-> pid:[4026531836]',
  'etc/passwd': 'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n',
  'etc/subuid': 'root:1000000:65536\nalice:100000:65536\n',
  'etc/subgid': 'alice:100000:65536\n',
  ...Object.fromEntries(
    ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map((kind) => [
      `proc/sys/user/max_${kind}_namespaces`,
      '96365\n',
    ]),
  ),
};
