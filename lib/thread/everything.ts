/**
 * Loads all parts of this package that the calling thread has not loaded yet. Parts are loaded when they are first
 * used, by reading files; a thread in the mount namespace of somebody else would read and run theirs.
 *
 * Here it has nothing to do: a module of the sources loads all that it imports. In the published package
 * `scripts/bundle.js` makes the parts, and puts a list of them in the place of this function.
 */
export function loadEverything(): void {
  // nothing is missing
}
