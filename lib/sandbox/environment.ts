/** The environment of the programs in a sandbox. */
import { invalidType, validateObject, validateString } from '../errors/validate';

/**
 * The variables that every program has. Only the names of the terminal's type and of the language are taken from this
 * process.
 */
function basic(): Record<string, string> {
  const { TERM = 'dumb', LANG = 'C.UTF-8' } = process.env;
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/', TERM, LANG };
}

/** The basic environment, with the given variables added to it; `undefined` removes a variable. */
export function environmentOf(name: string, given: unknown): Record<string, string> {
  return withVariables(name, basic(), given);
}

/**
 * Adds the given variables to others; `undefined` removes one.
 *
 * @throws TypeError with Node's codes for a value that no variable can have
 */
export function withVariables(
  name: string,
  base: Readonly<Record<string, string>>,
  given: unknown,
): Record<string, string> {
  const all = new Map(Object.entries(base));
  const variables = given ?? {};
  validateObject(name, variables);
  for (const [key, value] of Object.entries(variables as Record<string, unknown>)) {
    if (value === undefined) {
      all.delete(key);
      continue;
    }
    if (typeof value !== 'string') throw invalidType(`${name}['${key}']`, 'of type string', value);
    validateString(`${name}['${key}']`, `${key}=${value}`);
    all.set(key, value);
  }
  return Object.fromEntries(all);
}
