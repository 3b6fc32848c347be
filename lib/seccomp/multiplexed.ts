import type { Condition } from './profile';

/**
 * The calls that can also be made through socketcall(2) on i386. Its first argument says which call is meant: the place
 * in this list, counted from 1. `<linux/net.h>`
 */
const SOCKETCALL = [
  'socket',
  'bind',
  'connect',
  'listen',
  'accept',
  'getsockname',
  'getpeername',
  'socketpair',
  'send',
  'recv',
  'sendto',
  'recvfrom',
  'shutdown',
  'setsockopt',
  'getsockopt',
  'sendmsg',
  'recvmsg',
  'accept4',
  'recvmmsg',
  'sendmmsg',
];

/**
 * The calls that can also be made through ipc(2) on i386, and their numbers in its first argument, whose upper half is
 * a version. `<linux/ipc.h>`
 */
const IPC: Readonly<Record<string, number>> = {
  semop: 1,
  semget: 2,
  semctl: 3,
  semtimedop: 4,
  msgsnd: 11,
  msgrcv: 12,
  msgget: 13,
  msgctl: 14,
  shmat: 21,
  shmdt: 22,
  shmget: 23,
  shmctl: 24,
};

/** The other call through which a call can be made, and the conditions on its arguments. */
export interface Through {
  readonly name: string;
  readonly conditions: readonly Condition[];
}

/**
 * Turns a rule for a call on i386 into one for socketcall(2) or ipc(2); undefined if there is none. There the arguments
 * lie behind a pointer, where no filter can look. So a rule with conditions applies to all arguments if it forbids
 * something, and to none if it allows something.
 */
export function multiplexed(name: string, conditions: readonly Condition[], closes: boolean): Through | undefined {
  if (conditions.length > 0 && !closes) return undefined;
  const socketcall = SOCKETCALL.indexOf(name) + 1;
  if (socketcall > 0) return { name: 'socketcall', conditions: [firstIs(socketcall, 0xffffffff)] };
  const ipc = Object.hasOwn(IPC, name) ? IPC[name] : undefined;
  return ipc === undefined ? undefined : { name: 'ipc', conditions: [firstIs(ipc, 0xffff)] };
}

function firstIs(value: number, mask: number): Condition {
  return { index: 0, op: 'SCMP_CMP_MASKED_EQ', value: BigInt(mask), valueTwo: BigInt(value) };
}
