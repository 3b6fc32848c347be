/** A project with all kinds of files, and sandboxes that work on a copy of it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox, SandboxSpec } from '../../../lib';
import { inSandbox, said, userland, withFolder } from '../box';

const LINES = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join('');

/** Makes a project, and returns its path. */
export function makeProject(folder: string): string {
  const path = join(folder, 'project');
  for (const name of ['src', 'old/deep', 'empty']) mkdirSync(join(path, name), { recursive: true });
  for (const name of ['lines', 'src/a', 'old/one', 'old/deep/two', 'name with space']) {
    writeFileSync(join(path, name), `${LINES}${name}\n`);
  }
  writeFileSync(join(path, 'no-end'), 'first\nlast');
  writeFileSync(join(path, 'binary'), Buffer.from([0, 1, 2, 255]));
  writeFileSync(join(path, 'script'), '#!/bin/sh\n');
  chmodSync(join(path, 'script'), 0o644);
  symlinkSync('lines', join(path, 'link'));
  return path;
}

export function specOf(path: string, more: SandboxSpec = {}, upper?: string): SandboxSpec {
  return { ...userland(more), cwd: undefined, project: { path, mode: 'overlay', upper } };
}

/** The things at hand for a test: the project, the sandbox, and a function that runs a script of sh in the copy. */
export interface Work {
  readonly folder: string;
  readonly path: string;
  readonly sandbox: Sandbox;
  readonly change: (script: string) => Promise<void>;
}

/** Works on a copy of a new project. */
export async function onCopy(use: (work: Work) => Promise<void>, more: SandboxSpec = {}): Promise<void> {
  await withFolder(async (folder) => {
    const path = makeProject(folder);
    await inSandbox(specOf(path, more), async (sandbox) => {
      const change = async (script: string): Promise<void> => {
        expect(await said(sandbox, `cd ${path} || exit 1; ${script}`)).toBe('');
      };
      await use({ folder, path, sandbox, change });
    });
  });
}

/** Each file of a directory with its mode, and its contents or target. */
export function treeOf(directory: string): string {
  const script = `cd "$1" && find . -mindepth 1 \\( -type d -printf '%P %y %m\\n' -o -type l -printf '%P %y %l\\n' -o -printf '%P %y %m ' -exec md5sum '{}' \\; \\) | LC_ALL=C sort`;
  return execFileSync('sh', ['-c', script, 'sh', directory], { encoding: 'utf8' });
}

/** A copy of a directory, on the host. */
export function copied(folder: string, directory: string): string {
  const to = join(folder, 'copied');
  cpSync(directory, to, { recursive: true, verbatimSymlinks: true });
  return to;
}
