/** What programs of a sandbox have as their environment. */
import { invalidType, validateObject, validateString } from '../errors/validate';

/** Of this process's own only how its terminal and its language are called. */
function basic(): Record<string, string> {
  const { TERM = 'dumb', LANG = 'C.UTF-8' } = process.env;
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/', TERM, LANG };
}

/** The basic one, and what is given on top of it. */
export function environmentOf(name: string, given: unknown): Record<string, string> {
  return withVariables(name, basic(), given);
}

/** @throws TypeError with Node's codes for what is no variable */
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
