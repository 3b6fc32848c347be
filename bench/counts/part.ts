/** What is counted: `tsx part.ts KIND` carries one of these out, between two marks that strace(1) shows. */
import { existsSync } from 'node:fs';
import { NAMESPACE_KINDS, Sandbox, hostUserland, unshare } from 'linux-ns';
import { PROGRAM, allEight, join, none } from '../launch/starters';
import { BEGIN, END, type Kind } from './trace';

/** How often it is done before, until all that is loaded and opened once is there. */
const WARM_UP = 5;

type Body = () => Promise<unknown>;
type Counted = (run: (body: Body) => Promise<void>) => Promise<void>;

const KINDS: Record<Kind, Counted> = {
  none: (run) => run(none.start),
  'all eight': (run) => run(allEight.start),
  join: async (run) => {
    await using set = await unshare([...NAMESPACE_KINDS]);
    await run(join(set).start);
  },
  'sandbox create': async (run) => {
    const made: Sandbox[] = [];
    await run(async () => made.push(await Sandbox.create(hostUserland())));
    await Promise.all(made.map((box) => box.close()));
  },
  'sandbox exec': async (run) => {
    await using box = await Sandbox.create(hostUserland());
    await run(async () => (await box.spawn(PROGRAM, [], { stdio: 'ignore' })).exited);
  },
};

async function count(body: Body): Promise<void> {
  for (let done = 0; done < WARM_UP; done++) await body();
  existsSync(BEGIN);
  await body();
  existsSync(END);
}

void KINDS[process.argv[2] as Kind](count);
