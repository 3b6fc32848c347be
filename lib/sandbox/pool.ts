/** Pools of sandboxes. */
import { OURS } from '../errors/illegal-constructor';
import { invalidValue } from '../errors/validate';
import { Pool, stockOf } from '../pool/pool';
import type { Poolable, PoolOptions } from '../pool/pool-options';
import type { Stock } from '../pool/stock';
import type { SandboxPlan } from './parse';
import type { RunOptions } from './run/options';
import type { RunResult } from './run/result';
import { type RunRequest, parseRun } from './run/run';

/** A sandbox, as its pool sees it. */
interface Box extends Poolable {
  readonly namespaces: { readonly init: number | undefined };
}

/** The things that a pool does with sandboxes. */
interface Ways<Member> {
  readonly create: (plan: SandboxPlan, signal: AbortSignal) => Promise<Member>;
  readonly run: (member: Member, request: RunRequest) => Promise<RunResult<string | Buffer>>;
}

class BoxPool<Member extends Box, Warmed> extends Pool<Member, Warmed> {
  readonly #run: Ways<Member>['run'];

  constructor(key: symbol, stock: Stock<Member, Warmed>, run: Ways<Member>['run']) {
    super(key, stock);
    this.#run = run;
  }

  async run(file: string, args?: readonly string[] | null, options?: RunOptions): Promise<RunResult<string | Buffer>> {
    const request = parseRun(file, args, options); // bad ones use up no sandbox
    return this.use(request.options.signal, async (box) => this.#run(box, request));
  }
}

/** Makes a pool of sandboxes that are all made by one plan. */
export async function poolOf<Member extends Box, Warmed>(
  plan: SandboxPlan,
  options: PoolOptions<Member, Warmed>,
  { create, run }: Ways<Member>,
): Promise<BoxPool<Member, Warmed>> {
  const stream = plan.entries.findIndex(({ isReadOnce }) => isReadOnce);
  if (stream !== -1) {
    throw invalidValue(
      `spec.mounts[${stream}].data`,
      undefined,
      'cannot be a stream or a descriptor in a pool: one sandbox alone could read it',
    );
  }
  const hasInit = plan.kinds.includes('pid');
  const stock = await stockOf<Member, Warmed>(
    {
      make: async (signal) => create({ ...plan, policy: plan.policy?.anew() }, signal),
      isAlive: ({ namespaces: { init } }) => init !== undefined || !hasInit,
    },
    options,
  );
  return new BoxPool<Member, Warmed>(OURS, stock, run);
}
