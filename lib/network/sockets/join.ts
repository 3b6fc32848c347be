import type { Socket } from 'node:net';
import { breakOff } from './break-off';

/**
 * Makes one connection of two: passes on what each side sends, no faster than the other side reads. An end is passed on as
 * an end: the other direction stays open. What breaks one side off breaks the other off. Both sockets must have been made
 * with `allowHalfOpen`, and have a listener for 'error'.
 */
export function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  breakWith(one, other);
  breakWith(other, one);
}

function breakWith(one: Socket, other: Socket): void {
  const onClose = (): void => {
    if (!one.readableEnded || !one.writableFinished) breakOff(other);
  };
  if (one.closed) onClose();
  else one.once('close', onClose);
}
