/**
 * The path of something from a directory on: `''` for the directory itself, undefined for what is not below it. Both
 * are absolute, and without links.
 */
export function pathBelow(directory: string, path: string): string | undefined {
  if (path === directory) return '';
  const start = directory === '/' ? directory : `${directory}/`;
  return path.startsWith(start) ? path.slice(start.length) : undefined;
}

/** True if `path` is `directory`, or is in it. Both are absolute, without a slash at the end. */
export function isWithin(path: string, directory: string): boolean {
  return pathBelow(directory, path) !== undefined;
}
