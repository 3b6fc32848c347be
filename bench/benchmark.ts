/** What `npm run bench -- <name>` runs. */
export interface Benchmark {
  /** One line for `--help`. */
  readonly summary: string;
  /** @param samples - how many of each contestant */
  run(samples: number): Promise<{ json: unknown; text: string }>;
}
