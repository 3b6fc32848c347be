import { NAMESPACE_KINDS, unshare } from 'linux-ns';
import { privateKB } from '../measure/memory';

/** Private memory, in kB, of the init that holds a set of all eight kinds. */
export async function heldPrivateKB(): Promise<number> {
  const set = await unshare([...NAMESPACE_KINDS]);
  try {
    return privateKB(set.init!);
  } finally {
    await set.close();
  }
}
