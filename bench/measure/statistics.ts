/** The summary of some samples, in milliseconds or in starts per second. */
export interface Summary {
  p50: number;
  p99: number;
  samples: number;
}

/** The sample that a share `q` of all lie below or at: the nearest rank, no interpolation. */
function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

export function summarize(samples: readonly number[]): Summary {
  return { p50: rounded(median(samples)), p99: rounded(quantile(samples, 0.99)), samples: samples.length };
}

/** `a / b`; null where one of them could not be measured. */
export function ratio(a: number | undefined, b: number | undefined): number | null {
  return a === undefined || b === undefined ? null : rounded(a / b);
}

/** Rounded to 0.001: a microsecond, where the values are milliseconds. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
