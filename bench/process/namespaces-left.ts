import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NAMESPACE_KINDS, type NamespaceKind, unshare } from 'linux-ns';

/** The directory of the limits of this process's own user namespace: namespaces(7). */
const LIMITS = '/proc/sys/user';
const PATIENCE_MS = 10_000;

/**
 * How many namespaces live that this process, the first of its user namespace, has made: whatever keeps them alive, be
 * it a process, a descriptor, a mount or the kernel itself. The kernel counts them against a limit for each kind, so
 * the lowest limit that allows one more tells the number.
 *
 * It takes namespaces down in its own time: waits for that.
 */
export async function namespacesLeft(): Promise<number> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    let left = 0;
    for (const kind of NAMESPACE_KINDS) left += await leftOf(kind);
    if (left === 0 || Date.now() > deadline) return left;
    await sleep(100);
  }
}

async function leftOf(kind: NamespaceKind): Promise<number> {
  const file = `${LIMITS}/max_${kind}_namespaces`;
  const usual = readFileSync(file, 'latin1');
  try {
    for (let limit = 1; ; limit++) {
      writeFileSync(file, `${limit}`);
      if (await isAllowed(kind)) return limit - 1;
    }
  } finally {
    writeFileSync(file, usual);
  }
}

async function isAllowed(kind: NamespaceKind): Promise<boolean> {
  try {
    await (await unshare(kind)).close();
    return true;
  } catch (error) {
    // clone(2): a limit of max_*_namespaces.
    if ((error as { code?: unknown }).code === 'ENOSPC') return false;
    throw error;
  }
}
