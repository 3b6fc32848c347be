import { placeOutside } from './place-outside';

/** Something of this package that is open: a program that runs, a set, a network, a sandbox. */
export interface OpenHandle {
  /** The words for it: `'A NamespaceSet (net:[4026532289] user:[4026532287])'`, `'A program, sleep (pid 4711)'`. */
  readonly what: string;
  /**
   * The calls that have made it, as the lines of a stack; empty if they are not known. Those of programs are kept only
   * since {@link traceHandles} was called.
   */
  readonly madeAt: string;
}

interface Registry {
  readonly open: Set<OpenHandle>;
  traced: boolean;
}

/**
 * The registry is a property of the global object, so that all copies of this package have the same, and a test runner
 * can look at that of its tests: Jest loads every module anew for each test file, in a global object of its own.
 */
const REGISTRY = Symbol.for('linux-ns.openHandles');

/** The registry of a global object. */
export function registryOf(scope: object): Registry {
  const holder = scope as Record<symbol, Registry | undefined>;
  return (holder[REGISTRY] ??= { open: new Set(), traced: false });
}

/**
 * Lists everything of this package that is open in this thread: programs that run, sets, namespaces, networks,
 * sandboxes, detached mounts. In a test it says what has been left open, and where that was made.
 *
 * @example
 * ```ts
 * const set = await unshare(['user', 'net']);
 * console.log(openHandles()); // [ { what: 'A NamespaceSet (net:[…] user:[…])', madeAt: '    at …/test.js:12:19' } ]
 * ```
 */
export function openHandles(): OpenHandle[] {
  return [...registryOf(globalThis).open];
}

/**
 * From now on {@link openHandles} says of each program, too, which calls have started it. That takes some microseconds
 * for each start, so it is for tests, and off until this is called. Other handles always have it.
 */
export function traceHandles(): void {
  registryOf(globalThis).traced = true;
}

/**
 * Writes what is open to standard error, with the line that has made each; nothing if nothing is open.
 *
 * @returns the number of handles
 *
 * @example The last thing that a test file does in Vitest; a setup file may contain this.
 * ```ts
 * traceHandles();
 * afterAll(() => void reportOpenHandles());
 * ```
 */
export function reportOpenHandles(): number {
  const handles = openHandles();
  if (handles.length > 0) process.stderr.write(`${describeHandles(handles)}\n`);
  return handles.length;
}

/** Open handles as text: each with the lines that have made it. */
export function describeHandles(handles: readonly OpenHandle[]): string {
  const count = handles.length === 1 ? '1 handle of linux-ns is' : `${handles.length} handles of linux-ns are`;
  const each = handles.map(({ what, madeAt }) => (madeAt === '' ? `  ${what}` : `  ${what}\n${madeAt}`));
  return [`${count} still open:`, ...each].join('\n');
}

/** Notes something that is open. @returns a function to call when it is closed */
export function noteOpen(handle: OpenHandle): () => void {
  const { open } = registryOf(globalThis);
  open.add(handle);
  return () => void open.delete(handle);
}

/** Notes a program that runs, by its file and its pid. @returns a function to call when it has ended */
export function noteProgram(file: string, pid: number): () => void {
  const madeAt = registryOf(globalThis).traced ? placeOutside() : '';
  return noteOpen({ what: `A program, ${file} (pid ${pid})`, madeAt });
}
