/** Pools of namespace sets. */
import { OURS } from '../errors/illegal-constructor';
import type { NamespaceKind } from '../kernel/namespace-kind';
import type { UnshareSpec } from '../launch/unshare-spec';
import { Pool, stockOf } from '../pool/pool';
import type { PoolOptions } from '../pool/pool-options';
import type { NamespaceSet } from './namespace-set';
import { makeSet, parseWanted } from './unshare';

/**
 * Makes a pool of sets that are all alike: those that `unshare(spec)` makes. It is there when `options.min` of them are
 * ready. The spec is read once. Privileges are those of {@link unshare}.
 *
 * @throws TypeError, RangeError for bad arguments
 * @throws NamespaceError the error of {@link unshare}, if that has failed three times in a row; or the error of `warm`
 *
 * @example
 * ```ts
 * await using pool = await unsharePool(['user', 'net', 'pid'], { size: 4 });
 * await using set = await pool.take();
 * await set.execFile('ip', ['link']);
 * ```
 */
export async function unsharePool<Warmed = undefined>(
  spec: NamespaceKind | readonly NamespaceKind[] | UnshareSpec,
  options: PoolOptions<NamespaceSet, Warmed>,
): Promise<Pool<NamespaceSet, Warmed>> {
  const { unshare, kinds, join } = parseWanted(spec, {});
  const hasInit = kinds.includes('pid');
  const stock = await stockOf<NamespaceSet, Warmed>(
    {
      make: async (signal) => makeSet({ unshare, kinds, join }, signal),
      isAlive: ({ init }) => init !== undefined || !hasInit,
    },
    options,
  );
  return new Pool<NamespaceSet, Warmed>(OURS, stock);
}
