import { native } from '../native';

/** Closes a descriptor that the addon made, off the event loop. */
export function closeFd(fd: number, done?: () => void): void {
  native().close(fd, done);
}
