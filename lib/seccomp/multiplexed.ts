import type { Condition } from './profile';

/** Calls that on i386 can be made through another one as well, whose first argument tells which: `<linux/net.h>`. */
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

/** `<linux/ipc.h>`; the upper half of the argument is a version. */
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

/** The other way to make a call. */
export interface Through {
  readonly name: string;
  readonly conditions: readonly Condition[];
}

/**
 * How a rule for a call on i386 is one for socketcall(2) or ipc(2); undefined where it is not. There the arguments lie
 * behind a pointer, where no filter can look: a rule with conditions holds whatever they are when it closes something,
 * and not at all when it opens something.
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
