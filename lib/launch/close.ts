import { close } from 'node:fs';

/**
 * Closes a descriptor that the addon made, on a thread of libuv's pool: the last one of a mount namespace unmounts all
 * that is mounted there, and that of a network namespace may wait for its devices. What close(2) fails with tells
 * nothing that one could act on.
 */
export function closeFd(fd: number, done: () => void = () => undefined): void {
  close(fd, () => done());
}
