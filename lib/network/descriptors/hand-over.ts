import { native } from '../../native';

/** Hands a descriptor to an object of Node's, which owns it from then on; closes it when that fails. */
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
