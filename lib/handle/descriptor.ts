import { closeFd } from './close';
import { native } from '../native';

/** An open descriptor. It is closed once, off the event loop, by the first who asks for it. */
export class Descriptor {
  readonly #fd: number;
  #closing: Promise<void> | undefined;

  constructor(fd: number) {
    this.#fd = fd;
    native().adopt(fd);
  }

  /** The number; -1 once it has been closed, because the number may be another file's then. */
  get fd(): number {
    return this.closed ? -1 : this.#fd;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Closes it. That takes time: closing the last descriptor of a mount namespace unmounts everything that is mounted
   * there, and that of a network namespace may wait for its devices.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => closeFd(this.#fd, resolve));
    return this.#closing;
  }
}

/**
 * Closes a descriptor. It is a function and not a method, because `closeWhenForgotten()` needs one that does not refer
 * to the handle.
 */
export function closeDescriptor(descriptor: Descriptor): Promise<void> {
  return descriptor.close();
}
