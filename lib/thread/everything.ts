/**
 * Loads all of this package that the calling thread has not loaded yet. Parts are loaded when they are first used, by
 * reading files; a thread in the mount namespace of others would read and run theirs.
 *
 * Here there is nothing to do: a module of sources loads all that it imports. In the package that is published,
 * `scripts/bundle.js` makes the parts, and puts a list of them in the place of this.
 */
export function loadEverything(): void {
  // nothing is missing
}
