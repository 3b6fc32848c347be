import type { Chart } from './measure/chart';

/** What a benchmark has found. */
export interface Outcome {
  json: unknown;
  /** The same for people. */
  text: string;
  charts: readonly Chart[];
}

/** What `npm run bench -- <name>` runs. */
export interface Benchmark {
  /** One line for `--help`. */
  readonly summary: string;
  /** @param samples - how many of each contestant */
  run(samples: number): Promise<Outcome>;
}
