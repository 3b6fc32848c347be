/** The first argument of constructors that are not for callers: only the functions of this package have it. */
export const OURS = Symbol('linux-ns');

/**
 * The first line of such a constructor, which TypeScript refuses to call, and JavaScript does not.
 *
 * @param functions - the functions that make such an object
 * @throws TypeError `ERR_ILLEGAL_CONSTRUCTOR`, as classes of Node's
 */
export function mustBeOurs(key: unknown, functions: string): void {
  if (key === OURS) return;
  const error = new TypeError(`Illegal constructor: use ${functions}`);
  Error.captureStackTrace(error, mustBeOurs);
  throw Object.assign(error, { code: 'ERR_ILLEGAL_CONSTRUCTOR' });
}
