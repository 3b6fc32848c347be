import type { Socket } from 'node:net';

/**
 * Breaks a connection off at once, by a reset, so that the other side does not take it for an end.
 *
 * While the end of a socket is on its way, libuv refuses to reset it (`uv_tcp_close_reset()`), and Node then never closes it.
 * All that was written has gone to the kernel by then, and closing says no more than that end.
 */
export function breakOff(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (isEnding) socket.destroy();
  else socket.resetAndDestroy();
}
