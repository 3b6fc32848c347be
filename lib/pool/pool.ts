import { mustBeOurs } from '../errors/illegal-constructor';
import { closeWhenForgotten, notForgotten } from '../handle/forgotten';
import { inspectAs } from '../handle/inspect';
import { type PoolStats, type Poolable, type Pooled, type TakeOptions, poolOptions, takeOptions } from './pool-options';
import { type Source, Stock } from './stock';

/**
 * Members that are ready before anybody asks for them. Each is used once: it is given to one taker, who closes it, and
 * another takes its place. `Sandbox.pool()` makes one of sandboxes, and `unsharePool()` one of namespace sets.
 *
 * New members are made one at a time while nobody waits, with a rest after each that is as long as it took, so that
 * programs have the machine. If somebody waits, as many are made at once as there are processors.
 *
 * A pool does not keep Node running. Close it, or declare it with `await using`. One that is forgotten is closed when it
 * is collected as garbage, with a process warning (`LINUX_NS_UNCLOSED`).
 *
 * @example
 * ```ts
 * await using pool = await unsharePool(['user', 'net'], { size: 4 });
 * await using set = await pool.take();
 * await set.exec('ip link');
 * ```
 */
export class Pool<Member extends Poolable, Warmed = undefined> implements AsyncDisposable {
  static {
    inspectAs(this, (pool: Pool<Poolable, unknown>) => ({ ...pool.stats(), closed: pool.closed }));
  }

  readonly #stock: Stock<Member, Warmed>;

  /** @internal */
  constructor(key: symbol, stock: Stock<Member, Warmed>) {
    mustBeOurs(key, 'await Sandbox.pool() or unsharePool()');
    this.#stock = stock;
    closeWhenForgotten(this, 'A pool', stock, closeStock);
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#stock.closed;
  }

  /**
   * Takes a member that nobody has used. It belongs to the caller, who closes it. If none is ready, waits for one; who has
   * waited longest gets the first.
   *
   * @throws NamespaceError `ERR_LINUX_NS_CLOSED` if the pool is closed
   * @throws The last error, once it has failed three times in a row to make a member, and none is left: the pool makes no
   * more
   */
  async take(options: TakeOptions = {}): Promise<Pooled<Member, Warmed>> {
    return this.#stock.take(takeOptions('options', options).signal);
  }

  /** Counts its members. */
  stats(): PoolStats {
    return this.#stock.stats();
  }

  /**
   * Closes the members that nobody has taken, also those that are being made or prepared. Calls of `take()` that wait
   * reject. Resolves when nothing of these members is left.
   */
  async close(): Promise<void> {
    notForgotten(this);
    await this.#stock.close();
  }

  /** Calls {@link Pool.close}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Takes a member, does something with it, and closes it. @internal */
  protected use<T>(signal: AbortSignal | undefined, work: (member: Member) => Promise<T>): Promise<T> {
    return this.#stock.use(takeOptions('options', { signal }).signal, work);
  }
}

/** Makes the first members of a pool. */
export async function stockOf<Member extends Poolable, Warmed>(
  source: Source<Member>,
  options: unknown,
): Promise<Stock<Member, Warmed>> {
  const stock = new Stock<Member, Warmed>(source, poolOptions(options));
  await stock.begin();
  return stock;
}

function closeStock(stock: Poolable): Promise<void> {
  return stock.close();
}
