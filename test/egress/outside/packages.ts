import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A package of this name is in the npm registry, in the index of pip, and as a repository of git. */
export const PACKAGE = 'greeting';

/** The text that the package has for who installs it. */
export const GREETING = 'hello from outside';

/** A package as an npm registry has it. */
export interface NpmPackage {
  tarball: Buffer;
  /** Subresource integrity of the tarball. */
  integrity: string;
}

/** Makes a package for npm, in a directory. */
export async function makeNpmPackage(directory: string): Promise<NpmPackage> {
  const files = join(directory, 'npm', 'package');
  await mkdir(files, { recursive: true });
  await writeFile(join(files, 'package.json'), JSON.stringify({ name: PACKAGE, version: '1.0.0', main: 'index.js' }));
  await writeFile(join(files, 'index.js'), `module.exports = ${JSON.stringify(GREETING)};\n`);
  const file = join(directory, 'npm', 'package.tgz');
  await run('tar', ['-czf', file, '-C', join(directory, 'npm'), 'package']);
  const tarball = await readFile(file);
  return { tarball, integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}` };
}

/** The name of the file that pip installs. */
export const WHEEL = `${PACKAGE}-1.0.0-py3-none-any.whl`;

const WHEEL_INFO = `${PACKAGE}-1.0.0.dist-info`;

/** Makes a package for pip: a zip, whose RECORD lists what is in it. */
export async function makeWheel(directory: string): Promise<Buffer> {
  const files: Record<string, string> = {
    [`${PACKAGE}.py`]: `text = ${JSON.stringify(GREETING)}\n`,
    [`${WHEEL_INFO}/METADATA`]: `Metadata-Version: 2.1\nName: ${PACKAGE}\nVersion: 1.0.0\n`,
    [`${WHEEL_INFO}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  };
  files[`${WHEEL_INFO}/RECORD`] = [...Object.keys(files), `${WHEEL_INFO}/RECORD`].map((name) => `${name},,\n`).join('');
  const base = join(directory, 'pip');
  await mkdir(join(base, WHEEL_INFO), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(base, name), text);
  await run('python3', ['-m', 'zipfile', '-c', WHEEL, `${PACKAGE}.py`, WHEEL_INFO], { cwd: base });
  return readFile(join(base, WHEEL));
}

/** Makes a repository of git with one commit, and gives the directory that has it: `greeting.git`. */
export async function makeRepository(directory: string): Promise<string> {
  const root = join(directory, 'git');
  const work = join(root, 'work');
  await mkdir(work, { recursive: true });
  const git = (...args: string[]): Promise<unknown> =>
    run('git', ['-C', work, '-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args]);
  await git('init', '-q', '-b', 'main');
  await writeFile(join(work, 'greeting.txt'), `${GREETING}\n`);
  await git('add', '.');
  await git('commit', '-q', '-m', 'A greeting');
  await git('clone', '-q', '--bare', work, join(root, `${PACKAGE}.git`));
  return root;
}
