import { systemError } from '../errors/system-error';
import { native } from '../native';

/** The names of users by their uids, as far as the host has them: getpwuid(3), called on another thread. */
export async function userNames(uids: Iterable<number>): Promise<ReadonlyMap<number, string>> {
  const list = [...new Set(uids)];
  if (list.length === 0) return new Map();
  const names = await new Promise<string[]>((resolve, reject) => {
    try {
      native().userNames(Uint32Array.from(list), resolve);
    } catch (error) {
      reject(systemError(error, { step: 'look up users', operation: 'users' }));
    }
  });
  return new Map(list.flatMap((uid, index) => (names[index] ? [[uid, names[index]]] : [])));
}
