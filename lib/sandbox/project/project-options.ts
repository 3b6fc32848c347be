/** The project of a sandbox: a directory of the host that is bound, or an overlay of it. */
import { resolve } from 'node:path';
import { type Check, type Parsed, oneOf, path, required, schema } from '../../errors/schema';
import { invalidValue } from '../../errors/validate';
import { isWithin } from '../below';
import { type CheckedEntry, parseEntry } from '../entries';
import type { ProjectOptions } from '../sandbox-spec';

const absolute: Check<string> = (name, value) => resolve(path(name, value));

export const parseProject = schema<ProjectOptions>()({
  path: required(absolute),
  mode: required(oneOf(['direct', 'overlay'])),
  upper: absolute,
});

/** The entry that mounts a project. */
export function entryOfProject(name: string, project: Parsed<typeof parseProject>): CheckedEntry {
  const { path: at, mode, upper } = project;
  if (mode === 'direct') {
    if (upper !== undefined) throw invalidValue(`${name}.upper`, upper, "can be given only with the mode 'overlay'");
    return parseEntry(name, { type: 'bind', source: at, target: at });
  }
  if (upper !== undefined && (isWithin(at, upper) || isWithin(upper, at))) {
    throw invalidValue(`${name}.upper`, upper, `must be neither in ${at} nor above it`);
  }
  return parseEntry(name, { type: 'overlay', lower: [at], upper, target: at });
}

/**
 * Puts the project before the first entry that lies below it, or that may, for what matches its patterns: it would cover
 * that. And after all others, which may make a directory that it is in.
 */
export function withProject(entries: readonly CheckedEntry[], project: CheckedEntry): readonly CheckedEntry[] {
  const below = entries.findIndex(({ target, search }) => {
    const at = resolve(target);
    return (
      (at !== project.target && isWithin(at, project.target)) || (search !== undefined && isWithin(project.target, at))
    );
  });
  const at = below === -1 ? entries.length : below;
  return [...entries.slice(0, at), project, ...entries.slice(at)];
}
