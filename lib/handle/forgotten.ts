import { type OpenHandle, noteOpen } from './open';
import { placeOutside } from './place-outside';

/**
 * The facts that are kept about a handle, for the case that it is collected as garbage before anybody has closed it.
 */
interface Remains extends OpenHandle {
  readonly close: () => unknown;
  readonly noteClosed: () => void;
}

const forgotten = new FinalizationRegistry<Remains>(({ what, close, madeAt, noteClosed }) => {
  noteClosed();
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
  const open: OpenHandle = { what, madeAt: placeOutside() };
  const noteClosed = noteOpen(open);
  forgotten.register(handle, { ...open, noteClosed, close: () => close(owned) }, handle);
  closings.set(handle, noteClosed);
}

/** For each handle that is open the function that notes its end. */
const closings = new WeakMap<object, () => void>();

/** The handle has been closed, or has passed what it owned on to another. */
export function notForgotten(handle: object): void {
  forgotten.unregister(handle);
  closings.get(handle)?.();
}
