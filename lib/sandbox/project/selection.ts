/** The paths of a project that a caller names. */
import type { Check } from '../../errors/schema';
import { invalidValue, validateArray, validatePath } from '../../errors/validate';
import { type Listed, ancestorsOf, nameOfPath } from './listing';

/** The paths as the caller gave them. */
export type Selection = readonly string[];

/** Checks a path, or several. */
export const parseSelection: Check<Selection> = (name, value) => {
  if (!Array.isArray(value)) return [validatePath(name, value)];
  validateArray(name, value);
  return value.map((each, index) => validatePath(`${name}[${index}]`, each));
};

/** The changes at these paths and below them. @throws RangeError for a path outside of the project */
export function selected(target: string, changes: readonly Listed[], paths: Selection): readonly Listed[] {
  const names = paths.map((path) => nameOf(target, path));
  if (names.includes('')) return changes;
  const wanted = new Set(names);
  return changes.filter(({ name }) => wanted.has(name) || [...ancestorsOf(name)].some((each) => wanted.has(each)));
}

/** The name in the project; empty for the project itself. */
function nameOf(target: string, path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw invalidValue('paths', path, "cannot have '..'");
  const plain = parts.join('/');
  if (!path.startsWith('/')) return Buffer.from(plain).toString('latin1');
  if (`/${plain}` === target) return '';
  const name = nameOfPath(target, `/${plain}`);
  if (name === undefined) throw invalidValue('paths', path, `must be in the project, ${target}`);
  return name;
}
