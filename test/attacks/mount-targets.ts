/** A program in one sandbox exchanges the names that another sandbox's mounts are put on, while that one is made. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  type MountEntry,
  type MountOptions,
  type NamespaceProcess,
  NamespaceError,
  Sandbox,
  execFile,
} from '../../lib';
import { Arsenal } from '../fixtures/attacks';
import type { Attack, AttackResult } from './attack';

/** What a mount on the name `x` promises, whichever of the two names leads to it in the end. */
interface Promised {
  readonly mounts: readonly MountEntry[];
  /** What was broken, in words. The names stand still meanwhile. */
  readonly look: (sandbox: Sandbox) => Promise<string[]>;
}

const NAMES = ['/x', '/y'];

const HIDDEN = ['keys', 'interrupts', 'timer_list', 'kallsyms'];

const FOR_THE_MACHINE = ['sys/kernel/core_pattern', 'sys/vm/drop_caches', 'sysrq-trigger'];

export const attack: Attack = {
  about: 'exchanges the directories that a sandbox is mounted on while it is created, in a root that both can write',
  run,
};

async function run(until: number): Promise<AttackResult> {
  const arsenal = new Arsenal();
  const root = arsenal.folder('root');
  const data = arsenal.folder('data');
  chmodSync(root, 0o777);
  for (const name of NAMES) mkdirSync(join(root, name), { mode: 0o777 });
  mkdirSync(join(data, 'deep'));
  for (const name of ['secret', 'deep/secret']) writeFileSync(join(data, name), 'the secret');
  try {
    const attacker = await arsenal.sandbox({ mounts: [{ type: 'bind', source: root, target: '/shared' }] });
    try {
      const swapping = await attacker.spawn(arsenal.escape, ['swap', '/shared/x', '/shared/y'], { stdio: 'ignore' });
      const made = await attempts(swapping, root, promises(data), until - (until - Date.now()) / 4);
      const spawned = await spawns(root, data, until);
      return { rounds: made.rounds + spawned.rounds, broken: [...made.broken, ...spawned.broken] };
    } finally {
      await attacker.close();
    }
  } finally {
    rmSync(join(data, 'new'), { force: true });
    arsenal.remove();
  }
}

function promises(data: string): Promised[] {
  const bound: MountEntry = { type: 'bind', source: data, target: '/x' };
  return [
    { mounts: [{ type: 'proc', target: '/x' }], look: openInProc },
    { mounts: [bound, { type: 'readOnly', target: '/x' }], look: (box) => written(box, data, 'new') },
    { mounts: [bound, { type: 'readOnly', target: '/x/deep' }], look: (box) => written(box, data, 'deep/new') },
    { mounts: [bound, { type: 'mask', target: '/x' }], look: (box) => seen(box, ['secret', 'deep/secret']) },
    { mounts: [bound, { type: 'mask', target: '/x/secret' }], look: (box) => seen(box, ['secret']) },
    { mounts: [bound, { type: 'mask', target: '/x/deep' }], look: (box) => seen(box, ['deep/secret']) },
  ];
}

async function attempts(
  swapping: NamespaceProcess,
  root: string,
  all: readonly Promised[],
  until: number,
): Promise<AttackResult> {
  const broken: string[] = [];
  let rounds = 0;
  for (; Date.now() < until; rounds++) {
    const { mounts, look } = all[rounds % all.length]!;
    const spec = { root: { path: root, readOnly: false }, proc: false, dev: false, mounts: [...mounts] };
    const sandbox = await Sandbox.create(spec).catch(refused);
    if (sandbox === undefined) continue;
    try {
      await stop(swapping);
      broken.push(...(await look(sandbox)));
    } finally {
      swapping.kill('SIGCONT');
      await sandbox.close();
    }
  }
  return { rounds, broken };
}

/** The same of `mounts` of a program: what is bound and made read-only then, is so under either name. */
async function spawns(root: string, data: string, until: number): Promise<AttackResult> {
  const broken: string[] = [];
  const target = join(root, 'x');
  const mounts: MountOptions[] = [
    { bind: true, source: data, target },
    { remount: true, bind: true, target, readOnly: true },
  ];
  const command = `for at in x y; do echo x >${root}/$at/new; done 2>/dev/null; :`;
  let rounds = 0;
  for (; Date.now() < until; rounds++) {
    await execFile('sh', ['-c', command], { unshare: ['user', 'mnt'], mounts }).catch(refused);
    if (existsSync(join(data, 'new'))) broken.push('a read-only mount of a program was written');
    rmSync(join(data, 'new'), { force: true });
  }
  return { rounds, broken };
}

/** It may be in the middle of a rename when the signal comes, and finishes that. */
async function stop(swapping: NamespaceProcess): Promise<void> {
  swapping.kill('SIGSTOP');
  while (!/\) [Tt] /.test(readFileSync(`/proc/${swapping.pid}/stat`, 'utf8'))) await setTimeout(1);
}

/** That a sandbox is not made is within the attacker's power, and breaks no promise. */
function refused(error: unknown): undefined {
  if (error instanceof NamespaceError) return undefined;
  throw error;
}

async function openInProc(sandbox: Sandbox): Promise<string[]> {
  const broken: string[] = [];
  for (const name of NAMES) {
    for (const file of HIDDEN) {
      const text = await sandbox.readFile(`${name}/${file}`, 'utf8').catch(() => '');
      if (text !== '') broken.push(`/proc/${file} could be read`);
    }
    for (const file of FOR_THE_MACHINE) {
      const stream = await sandbox.createWriteStream(`${name}/${file}`, { flag: 'a' }).catch(() => undefined);
      stream?.destroy();
      // What is no proc is a directory of the attacker's, where a file can be made if there is a directory for it.
      const isProc = (await sandbox.readFile(`${name}/uptime`).catch(() => undefined)) !== undefined;
      if (stream !== undefined && isProc) broken.push(`/proc/${file} could be opened for writing`);
    }
  }
  return broken;
}

async function written(sandbox: Sandbox, data: string, file: string): Promise<string[]> {
  for (const name of NAMES) await sandbox.writeFile(`${name}/${file}`, 'x').catch(() => undefined);
  const isThere = existsSync(join(data, file));
  rmSync(join(data, file), { force: true });
  return isThere ? [`${file} was written in a directory that is read-only`] : [];
}

async function seen(sandbox: Sandbox, files: readonly string[]): Promise<string[]> {
  const broken: string[] = [];
  for (const path of NAMES.flatMap((name) => files.map((file) => `${name}/${file}`))) {
    const text = await sandbox.readFile(path, 'utf8').catch(() => '');
    if (text !== '') broken.push(`${path.slice(3)} was read, which is masked`);
  }
  return broken;
}
