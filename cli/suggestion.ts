/**
 * The text ` (did you mean '--hostname'?)`, if a few typing errors turn one of the words into the one that was written.
 */
export function suggestion(written: string, words: readonly string[], prefix = ''): string {
  const [nearest] = words
    // A word of a very different length is not compared, because the word that was written may be very long.
    .filter((word) => Math.abs(word.length - written.length) <= likelySlips(word))
    .map((word) => ({ word, slips: distance(written, word) }))
    .filter(({ word, slips }) => slips <= likelySlips(word))
    .sort((a, b) => a.slips - b.slips);
  return nearest === undefined ? '' : ` (did you mean '${prefix}${nearest.word}'?)`;
}

function likelySlips(word: string): number {
  return Math.max(1, Math.floor(word.length / 3));
}

/** The number of letters to insert, remove or replace. Two letters that are swapped count as one. */
function distance(from: string, to: string): number {
  const row = (at: number): number[] => Array.from({ length: to.length + 1 }, (_, column) => at + column);
  let [before, above] = [row(0), row(0)];
  for (let i = 1; i <= from.length; i++) {
    const current = row(i);
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const steps = [above[j], current[j - 1]].map((cost = 0) => cost + 1);
      current[j] = Math.min(...steps, (above[j - 1] ?? 0) + same, swapped ? (before[j - 2] ?? 0) + 1 : Infinity);
    }
    [before, above] = [above, current];
  }
  return above[to.length] ?? 0;
}
