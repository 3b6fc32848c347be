import type { Chart } from './measure/chart';

/** The results of a benchmark. */
export interface Outcome {
  json: unknown;
  /** The results as text for people. */
  text: string;
  charts: readonly Chart[];
}

/** A benchmark that `npm run bench -- <name>` runs. */
export interface Benchmark {
  /** One line for `--help`. */
  readonly summary: string;
  /** @param samples - how many of each contestant */
  run(samples: number): Promise<Outcome>;
}
