/** The paths that a program needs besides its own file. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The names of directories of programs, which are beside those of their libraries. hier(7) */
const PROGRAMS = ['bin', 'sbin', 'condabin'];

/** The names beside them that programs need. `etc` is not among it: settings may have tokens, as npm's have. */
const BESIDE = ['lib', 'lib64', 'libexec', 'share', 'include', 'pyvenv.cfg'];

/** Files by which a directory is known to be an installation as a whole: of a JDK, of an old one, of Go, of conda. */
const MARKS = ['lib/jvm.cfg', 'jre/lib/rt.jar', 'src/runtime/runtime.go', 'conda-meta/history'];

/** The whole of an installation in /opt, or of packages of npm: packages use those beside them. */
const WHOLE = [/^\/opt\/[^/]+/, /^.*?\/node_modules(?=\/)/];

/** The paths that the programs of a directory need, the directory among them. */
export function neededByDirectory(directory: string, home: string): string[] {
  const whole = wholeOf(`${directory}/`);
  if (whole !== undefined) return [whole];
  const prefix = dirname(directory);
  if (!PROGRAMS.includes(basename(directory)) || prefix === home) return [directory];
  if (MARKS.some((name) => existsSync(join(prefix, name)))) return [prefix];
  return [directory, ...BESIDE.map((name) => join(prefix, name)).filter((path) => existsSync(path))];
}

/** The paths that a program needs, its own among them, or a directory that has it. */
export function neededByProgram(file: string, home: string): string[] {
  const whole = wholeOf(file);
  if (whole !== undefined) return [whole];
  const directory = dirname(file);
  return PROGRAMS.includes(basename(directory)) ? neededByDirectory(directory, home) : [file];
}

function wholeOf(path: string): string | undefined {
  return WHOLE.map((pattern) => pattern.exec(path)?.[0]).find((found) => found !== undefined);
}
