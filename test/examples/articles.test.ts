/** What the articles that the examples were made from say happens. */
import { readlinkSync } from 'node:fs';
import { needs } from '../fixtures/optional';
import { linesOf } from './example';

const uid = process.geteuid?.() ?? 0;

describe('nobody_shell: new ipc, pid and mount namespaces, /proc mounted, a shell as 65534', () => {
  needs({ tool: ['bash', 'ps'] }).test('id shows nobody, ps two processes: the shell is process 1', async () => {
    const [id, header, ...processes] = await linesOf('nobody_shell');
    expect(id).toMatch(/^uid=65534\(\w+\) gid=65534\(\w+\)/);
    expect(header).toMatch(/^USER +PID /);
    expect(processes).toHaveLength(2);
    const [shell, ps] = processes.map((line) => line.trim().split(/ +/));
    expect([shell?.[1], shell?.at(-1)]).toEqual(['1', 'bash']);
    expect(ps?.slice(-2)).toEqual(['ps', 'auxw']);
    expect(Number(ps?.[1])).toBeLessThan(100);
    expect(shell?.[0]).toBe(ps?.[0]);
  });
});

describe('unshare_user_shell: unshare -U csh', () => {
  let lines: string[];
  beforeAll(async () => (lines = await linesOf('unshare_user_shell')));

  const valueOf = (name: string): string => {
    const line = lines.find((each) => each.startsWith(`${name}:`));
    return line?.slice(name.length + 1).trim() ?? '';
  };

  test('the shell is 65534 to itself, in another user namespace than this process', () => {
    expect(valueOf('this process')).toBe(`${uid} ${readlinkSync('/proc/self/ns/user')}`);
    expect(valueOf('shell')).toMatch(/^65534 user:\[\d+\]$/);
    expect(valueOf('shell')).not.toContain(readlinkSync('/proc/self/ns/user'));
  });

  test('a shell in the shell shares its namespace', () => {
    expect(valueOf('nested shell')).toBe(valueOf('shell'));
  });

  test('from outside both are seen, as the processes of one’s own user', () => {
    const namespace = valueOf('shell').split(' ')[1] ?? '';
    expect(valueOf(`processes in ${namespace}`)).toBe('2');
    expect(lines).toContain(`seen from outside the shell's user is ${uid}`);
  });

  test('the namespace is a child of ours', () => {
    expect(lines.at(-1)).toBe(`its parent is ours: yes, its owner: ${uid}`);
  });
});

describe('unshare_mount: readlink /proc/PID/ns/mnt before and after unshare -m', () => {
  test('processes of one namespace have one link and one list of mounts, others have others', async () => {
    const lines = await linesOf('unshare_mount');
    const [ours, child, after, another] = lines.map((line) => /(mnt:\[\d+\]) +mounts (\w+)$/.exec(line)?.slice(1));
    expect(ours?.[0]).toBe(readlinkSync('/proc/self/ns/mnt'));
    expect(child?.[0]).toBe(ours?.[0]);
    expect(after?.[0]).toMatch(/^mnt:/);
    expect(after?.[0]).not.toBe(ours?.[0]);
    expect(after?.[1]).not.toBe(ours?.[1]);
    expect(another).toEqual(after);
  });

  test('the number is the inode of the namespace, not of the link', async () => {
    const lines = await linesOf('unshare_mount');
    const namespace = /after unshare -m +mnt:\[(\d+)\]/.exec(lines.join('\n'))?.[1];
    const [, target, link] = /leads to: (\d+), of the link itself: (\d+)/.exec(lines.at(-1) ?? '') ?? [];
    expect(target).toBe(namespace);
    expect(link).not.toBe(namespace);
  });
});

describe('references: what keeps a namespace alive', () => {
  test('a process, a descriptor, a bind mount; when the last one goes, the namespace goes', async () => {
    const lines = await linesOf('references');
    const id = /uts:\[\d+\]/.exec(lines[0] ?? '')?.[0] ?? '';
    const there = `${id}, hostname kept, there`;
    expect(lines).toEqual([
      `a process:     ${there}`,
      `a descriptor:  ${there}`,
      `a bind mount:  ${uid === 0 ? there : 'takes root'}`,
      'nothing:       gone',
    ]);
  });
});

describe('list_namespaces: lsns, ls -l /proc/$$/ns, pstree -N', () => {
  let lines: string[];
  beforeAll(async () => (lines = await linesOf('list_namespaces')));

  test('all ten links are there', () => {
    const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];
    for (const kind of [...kinds, 'pid_for_children', 'time_for_children']) {
      expect(lines).toContain(`${kind} -> ${readlinkSync(`/proc/self/ns/${kind}`)}`);
    }
  });

  test('of a process that has three of its own, lsns -p shows those and others that it shares', () => {
    const from = lines.findIndex((line) => line.startsWith('$ lsns -p'));
    const rows = lines.slice(from + 2, lines.indexOf('', from));
    expect(rows.map((row) => row.trim().split(/\s+/)[1]).sort()).toEqual([
      'cgroup',
      'ipc',
      'mnt',
      'net',
      'pid',
      'time',
      'user',
      'uts',
    ]);
    const own = rows.filter((row) => /\bnsinit$/.test(row)).map((row) => row.trim().split(/\s+/)[1]);
    expect(own.sort()).toEqual(['pid', 'user', 'uts']);
  });

  test('pstree has a tree for its user namespace', () => {
    const trees = lines.slice(lines.indexOf('$ pstree -pN user'));
    expect(trees.some((line) => /^nsinit\(\d+\)───sleep\(\d+\)$/.test(line))).toBe(true);
  });
});

describe('unshare_chroot: unshare --fork --pid chroot', () => {
  test('the command is process 1, in the root it was given', async () => {
    const inside = await linesOf('unshare_chroot', ['/', 'sh', '-c', 'echo $$; readlink /proc/1/ns/pid']);
    expect(inside[0]).toBe('1');
    expect(inside[1]).toMatch(/^pid:\[\d+\]$/);
    expect(inside[1]).not.toBe(readlinkSync('/proc/self/ns/pid'));
  });
});
