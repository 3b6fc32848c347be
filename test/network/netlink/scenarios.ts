/** What becomes of a netlink socket that somebody has closed. See test/fixtures/scenario.ts. */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { native } from '../../../lib/native';
import { SOCKET_DOMAINS, SOCKET_TYPES } from '../../../lib/kernel/sockets';

/** A program that closes a descriptor twice closes another's: here it is a connection then, whose other end has ended. */
export async function closedByAnother(): Promise<unknown> {
  const addon = native();
  const fd = addon.socket(SOCKET_DOMAINS.netlink, SOCKET_TYPES.raw, 0);
  const netlink = addon.openNetlink(fd, 4096, () => undefined);
  closeSync(fd);
  const [first, second] = addon.socketPair();
  if (first !== fd) throw new Error(`descriptor ${fd} was taken by another`);
  addon.disown(first);
  addon.disown(second);
  const other = new Socket({ fd: second, allowHalfOpen: true }).resume();
  await new Promise<void>((resolve) => other.end(resolve));
  const outcome = await new Promise((resolve) => {
    netlink.exchange(new Uint8Array(16), new Uint32Array([16]), (_, errno, syscall) => resolve({ errno, syscall }));
  });
  netlink.close();
  other.destroy();
  return outcome;
}
