import { native } from '../../native';

/** Gives a descriptor to an object of Node, which owns it from then on. The descriptor is closed when that fails. */
export function handOver<T>(fd: number, give: (fd: number) => T): T {
  try {
    const receiver = give(fd);
    native().disown(fd);
    return receiver;
  } catch (error) {
    native().closeNow(fd);
    throw error;
  }
}
