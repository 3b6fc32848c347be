import { join, sep } from 'node:path';

/**
 * The facts that are kept about a handle, for the case that it is collected as garbage before anybody has closed it.
 */
interface Remains {
  readonly what: string;
  readonly close: () => unknown;
  readonly madeAt: string;
}

const forgotten = new FinalizationRegistry<Remains>(({ what, close, madeAt }) => {
  close();
  const where = madeAt === '' ? '' : `It was made here:\n${madeAt}\n`;
  // Node's FileHandle warns as well: it is closed in the end, but only the garbage collector decides when.
  process.emitWarning(`${what} was collected as garbage and closed then; call close() on it`, {
    code: 'LINUX_NS_UNCLOSED',
    detail: `${where}Until the garbage collector runs, which it may never do, what nothing else uses is kept alive by it.`,
  });
});

/**
 * Closes the things that `handle` owns, with a process warning, if it is collected as garbage before {@link
 * notForgotten}.
 *
 * Nothing here may refer to the handle, or it is never collected. A function that is written where `this` is the handle
 * does refer to it as soon as another function beside it uses `this`, because both share one scope. So `close` is a
 * function of a module, and gets what it needs as an argument.
 *
 * @param what - the handle as the subject of a sentence: 'A Namespace (net:[4026531840])'
 * @param owned - the argument for `close`
 */
export function closeWhenForgotten<Owned>(
  handle: object,
  what: string,
  owned: Owned,
  close: (owned: Owned) => unknown,
): void {
  forgotten.register(handle, remainsOf(what, owned, close), handle);
}

/** The handle has been closed, or has passed what it owned on to another. */
export function notForgotten(handle: object): void {
  forgotten.unregister(handle);
}

function remainsOf<Owned>(what: string, owned: Owned, close: (owned: Owned) => unknown): Remains {
  return { what, close: () => close(owned), madeAt: placeOutside() };
}

/** More calls than this package's own functions ever nest. */
const DEEP = 30;

/** This many lines of the stack are enough to say where something was made. */
const MOST_LINES = 4;

/** The directory of this package: `lib/` in a checkout, `dist/` for its users. */
const PACKAGE = join(__dirname, '..') + sep;

/**
 * The calls that have led into this package, as text; it takes 17 µs. It is made at once, because a stack that V8 has
 * not yet turned into text refers to the objects whose methods are on it, and so keeps them alive.
 */
function placeOutside(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = DEEP;
  const stack: unknown = new Error().stack; // whatever Error.prepareStackTrace() makes of it
  Error.stackTraceLimit = stackTraceLimit;
  const calls = String(stack).split('\n').slice(1);
  return calls
    .filter((call) => !call.includes(PACKAGE) && !/\((node:|<anonymous>)|\bat node:/.test(call))
    .slice(0, MOST_LINES)
    .join('\n');
}
