import { native } from '../native';

/** The ids and privileges of the writer of a map, in the user namespace above the one that is mapped. */
export interface Credentials {
  /** The effective user id. */
  uid: number;
  /** The effective group id. */
  gid: number;
  /** CAP_SETUID is effective: any user id may be mapped. */
  setuid: boolean;
  /** CAP_SETGID is effective: any group id may be mapped, and setgroups need not be denied. */
  setgid: boolean;
}

const CAP_SETGID = 6n;
const CAP_SETUID = 7n;

/** The credentials of this process. They are read again each time, because `process.seteuid()` changes them. */
export function ownCredentials(): Credentials {
  const { uid, gid, capabilities } = native().credentials();
  return { uid, gid, ...privileges(capabilities) };
}

/** Reads `/proc/PID/status` (`proc_pid_status(5)`): real, effective, saved and filesystem ids, and CapEff in hex. */
export function parseCredentials(status: string): Credentials {
  const effective = BigInt(`0x${fieldOf(status, 'CapEff')[0] ?? '0'}`);
  return {
    uid: Number(fieldOf(status, 'Uid')[1]),
    gid: Number(fieldOf(status, 'Gid')[1]),
    ...privileges(effective),
  };
}

function privileges(effective: bigint): Pick<Credentials, 'setuid' | 'setgid'> {
  return {
    setuid: ((effective >> CAP_SETUID) & 1n) === 1n,
    setgid: ((effective >> CAP_SETGID) & 1n) === 1n,
  };
}

function fieldOf(status: string, name: string): string[] {
  return new RegExp(`^${name}:(.*)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/) ?? [];
}
