/** Pools: members that are ready before anybody asks, each for one taker. */
import { type NamespaceProcess, type NamespaceSet, type Pool, execFile, unsharePool } from '../../lib';
import { eventually, expectNothingLeft, footprint, isAlive } from '../fixtures/footprint';

const KINDS = ['user', 'pid'] as const;

/** Makes a pool of sets, uses it, and closes it, whatever happens. */
async function inPool<Warmed = undefined>(
  options: Parameters<typeof unsharePool<Warmed>>[1],
  use: (pool: Pool<NamespaceSet, Warmed>) => Promise<void>,
): Promise<void> {
  const pool = await unsharePool<Warmed>(KINDS, options);
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

/** The number of timers that keep Node running. */
function timersThatRun(): number {
  return process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
}

test('a pool is there when its members are, and keeps as many ready as were asked for', async () => {
  await inPool({ size: 3 }, async (pool) => {
    expect(pool.stats()).toEqual({ ready: 3, starting: 0, waiting: 0, taken: 0, discarded: 0, failed: 0 });
    await (await pool.take()).close();
    await eventually(() => pool.stats().ready === 3);
    expect(pool.stats().taken).toBe(1);
  });
});

test('with a least number it is there earlier, and fills itself up', async () => {
  await inPool({ size: 4, min: 1 }, async (pool) => {
    expect(pool.stats().ready).toBeGreaterThanOrEqual(1);
    await eventually(() => pool.stats().ready === 4);
  });
  await inPool({ size: 2, min: 0 }, async (pool) => {
    await (await pool.take()).close();
  });
});

test('nobody gets a member that somebody had, however many ask at once', async () => {
  await inPool({ size: 2 }, async (pool) => {
    const taken = await Promise.all(Array.from({ length: 12 }, async () => pool.take()));
    expect(new Set(taken.map((set) => String(set.pid))).size).toBe(12);
    expect(pool.stats()).toMatchObject({ taken: 12, waiting: 0 });
    await Promise.all(taken.map((set) => set.close()));
  });
});

test('who has waited longest gets the first member, and who has given up gets none', async () => {
  await inPool({ size: 1 }, async (pool) => {
    const first = await pool.take();
    const given = new AbortController();
    const order: number[] = [];
    const waiting = [0, 1, 2].map(async (index) => {
      const set = await pool.take(index === 1 ? { signal: given.signal } : {});
      order.push(index);
      await set.close();
    });
    given.abort();
    await expect(waiting[1]).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    await Promise.all([waiting[0], waiting[2]]);
    expect(order).toEqual([0, 2]);
    await expect(pool.take({ signal: given.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await first.close();
  });
});

test('what warm() has prepared is a property of the member, also where that is nothing', async () => {
  await inPool({ size: 1, warm: async (set) => set.spawn('cat') }, async (pool) => {
    await using set = await pool.take();
    set.warmed.stdin?.end('ready');
    let said = '';
    for await (const chunk of set.warmed.stdout ?? []) said += String(chunk);
    expect(said).toBe('ready');
  });
  await inPool({ size: 1 }, async (pool) => {
    await using set = await pool.take();
    expect(set.warmed).toBeUndefined();
  });
});

test.each(['init', 'program'] as const)('a member whose %s has ended meanwhile is not given', async (which) => {
  const made: { set: NamespaceSet; init: number; child: NamespaceProcess }[] = [];
  const warm = async (set: NamespaceSet): Promise<NamespaceProcess> => {
    const child = await set.spawn('sleep', ['600']);
    made.push({ set, init: set.init!, child });
    return child;
  };
  await inPool({ size: 1, warm }, async (pool) => {
    const [first] = made;
    process.kill(which === 'init' ? first!.init : first!.child.pid, 'SIGKILL');
    await first!.child.exited;
    await eventually(() => which === 'program' || first!.set.init === undefined);
    await using set = await pool.take();
    expect(set.init).toBe(made[1]!.init);
    expect(isAlive(set.warmed.pid)).toBe(true);
    expect(pool.stats()).toMatchObject({ taken: 1, discarded: 1, failed: 0 });
  });
});

test('a member that is too old is replaced', async () => {
  await inPool({ size: 1, maxAge: 50 }, async (pool) => {
    await eventually(() => pool.stats().discarded >= 2);
    await (await pool.take()).close();
  });
});

describe('what fails', () => {
  test('three times in a row stops a pool: each is told, and nothing is left', async () => {
    await execFile('/no/such/program').catch(() => undefined); // what is opened and loaded with the first one stays
    const before = footprint();
    const errors: unknown[] = [];
    const warm = async (set: NamespaceSet): Promise<void> => {
      await set.execFile('/no/such/program');
    };
    const onError = (error: unknown): unknown => errors.push(error);
    const making = unsharePool(KINDS, { size: 1, warm, onError });
    await expect(making).rejects.toMatchObject({ code: 'ENOENT', path: '/no/such/program' });
    expect(errors).toHaveLength(3);
    await expectNothingLeft(before);
  });

  test('three times in a row leaves no timer that keeps Node running', async () => {
    const started = jest.spyOn(globalThis, 'setTimeout');
    try {
      const warm = (): never => {
        throw new Error('never');
      };
      await expect(unsharePool(KINDS, { size: 1, warm })).rejects.toThrow('never');
      const running = timersThatRun();
      for (const { value } of started.mock.results) clearTimeout(value as NodeJS.Timeout);
      expect(started).toHaveBeenCalled();
      expect(timersThatRun()).toBe(running);
    } finally {
      started.mockRestore();
    }
  });

  test('later lets those be taken that are ready, and then rejects with the error', async () => {
    let works = true;
    const warm = (): void => {
      if (!works) throw new Error('no more');
    };
    await inPool({ size: 2, warm }, async (pool) => {
      works = false;
      const taken = [await pool.take(), await pool.take()];
      await expect(Promise.all([pool.take(), pool.take()])).rejects.toThrow('no more');
      await expect(pool.take()).rejects.toThrow('no more');
      expect(pool.stats()).toMatchObject({ ready: 0, starting: 0, waiting: 0, failed: 3 });
      await Promise.all(taken.map((set) => set.close()));
    });
  });

  test('once is tried again', async () => {
    let tries = 0;
    const warm = (): number => {
      if (++tries === 1) throw new Error('once');
      return tries;
    };
    await inPool({ size: 1, warm }, async (pool) => {
      await using set = await pool.take();
      expect(set.warmed).toBe(2);
      expect(pool.stats().failed).toBe(1);
    });
  });

  test('is found before anything starts where the arguments are wrong', async () => {
    const before = footprint();
    await expect(unsharePool('nett' as 'net', { size: 1 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(unsharePool(KINDS, {} as { size: number })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await expect(unsharePool(KINDS, { size: 0 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    await expect(unsharePool(KINDS, { size: 1, min: 2 })).rejects.toThrow('options.min');
    await expect(unsharePool(KINDS, { size: 1, warm: 'x' as never })).rejects.toThrow('options.warm');
    await expect(unsharePool(KINDS, { size: 1, maxage: 5 } as never)).rejects.toThrow("did you mean 'maxAge'?");
    await expectNothingLeft(before);
  });
});

describe('close()', () => {
  test('ends what nobody has taken, and no more', async () => {
    const before = footprint();
    const pool = await unsharePool(KINDS, { size: 3 });
    const taken = await pool.take();
    await pool.close();
    expect(pool.closed).toBe(true);
    expect(pool.stats()).toMatchObject({ ready: 0, starting: 0 });
    expect((await taken.execFile('true')).stdout).toBe('');
    await taken.close();
    await expectNothingLeft(before);
  });

  test('while members are made and prepared, and while somebody waits, leaves nothing', async () => {
    const before = footprint();
    const never = (): Promise<never> => new Promise(() => undefined);
    const pool = await unsharePool(KINDS, {
      size: 2,
      min: 0,
      warm: async (set) => set.execFile('sleep', ['600']).catch(never),
    });
    const waiting = expect(pool.take()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    await eventually(() => pool.stats().starting > 0);
    await Promise.race([pool.close(), new Promise((resolve) => setTimeout(resolve, 100))]);
    await waiting;
    await expect(pool.take()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
    await expectNothingLeft(before);
  });
});
