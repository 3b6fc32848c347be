/** Scenarios that run in a Node of their own, which is killed, or has a small disk. */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type NamespaceError, Sandbox } from '../../../lib';
import { specOf } from './copy';

/** Files of the copy, each with 64 KiB of one letter. */
export const FILES = 200;

/** Changes and adds files in a copy that is kept, says so, and applies the changes. */
export async function applyMany(path: string, upper: string): Promise<void> {
  const sandbox = await Sandbox.create(specOf(path, {}, upper));
  await sandbox.exec(
    `mkdir -p many && for i in $(seq ${FILES}); do head -c 65536 /dev/zero | tr '\\0' n > many/$i; done; cp many/1 old/one`,
  );
  process.stdout.write('applying\n');
  await sandbox.apply();
  await sandbox.close();
}

/** Applies more than the disk of the project holds, makes room, and goes on. */
export async function fillDisk(disk: string, upper: string): Promise<object> {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  const path = join(disk, 'project');
  execFileSync('sh', ['-c', 'mkdir project; echo old > project/kept; head -c 600000 /dev/zero > ballast'], {
    cwd: disk,
  });
  const sandbox = await Sandbox.create(specOf(path, {}, upper));
  await sandbox.exec(
    'for i in 1 2 3 4 5 6 7 8; do head -c 100000 /dev/zero > $i; done; head -c 100000 /dev/zero > kept',
  );
  const error = (await sandbox.apply().catch((reason: unknown) => reason)) as NamespaceError;
  const sizes = readdirSync(path).map((name) => statSync(join(path, name)).size);
  const left = (await sandbox.changes()).map(({ path: at }) => at);
  execFileSync('rm', [join(disk, 'ballast')]);
  await sandbox.apply();
  const after = { changes: await sandbox.changes(), names: readdirSync(path).sort() };
  await sandbox.close();
  return { code: error.code, path: error.path, paths: [...(error.paths ?? [])].sort(), left, sizes, after };
}
