import { closeFd } from './close';
import { native } from '../native';

/** An open descriptor and its end: closed once, off the event loop, by whoever comes first. */
export class Descriptor {
  readonly #fd: number;
  #closing: Promise<void> | undefined;

  constructor(fd: number) {
    this.#fd = fd;
    native().adopt(fd);
  }

  /** The number; -1 once it has been closed, for then it may be somebody else's. */
  get fd(): number {
    return this.closed ? -1 : this.#fd;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Closing the last descriptor of a mount namespace unmounts all that is mounted there, and that of a network
   * namespace may wait for its devices: so this takes its time.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => closeFd(this.#fd, resolve));
    return this.#closing;
  }
}

/** A function of its own, for those that call it when nobody is left who could: `closeWhenForgotten()`. */
export function closeDescriptor(descriptor: Descriptor): Promise<void> {
  return descriptor.close();
}
