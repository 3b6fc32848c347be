/** Words by which others call what has another name here, and these names. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  network: ['net'],
  mount: ['mnt'],
  mounts: ['mnt'],
  process: ['pid'],
  hostname: ['uts'],
  src: ['source'],
  from: ['source'],
  dst: ['target'],
  dest: ['target'],
  destination: ['target'],
  path: ['target'],
  type: ['kind'],
  kind: ['type'],
};

/**
 * The word that was most likely meant. It uses nothing else of this package, so the command line, which otherwise uses
 * the doors alone, shares it.
 *
 * @returns the index of the word; -1 if none can be told from what was written by likely typing mistakes
 */
export function nearest(written: string, words: readonly string[]): number {
  const known = words.findIndex((word) => otherNames(written).includes(word));
  if (known >= 0) return known;
  const near = words
    .map((word, index) => ({ word, index }))
    // A word of a very different length is not compared: what was written may have megabytes.
    .filter(({ word }) => Math.abs(written.length - word.length) <= slips(word))
    .map(({ word, index }) => ({ word, index, distance: editDistance(written, word) }))
    .filter(({ word, distance }) => distance <= slips(word))
    .sort((a, b) => a.distance - b.distance)[0];
  return near?.index ?? -1;
}

function otherNames(written: string): readonly string[] {
  return Object.hasOwn(OTHER_NAMES, written) ? (OTHER_NAMES[written] ?? []) : [];
}

/** The number of typing mistakes that are likely in a word. */
function slips(word: string): number {
  return Math.max(1, Math.floor(word.length / 3));
}

/**
 * The number of letters that have to be inserted, removed, replaced or swapped with a neighbour (Damerau and
 * Levenshtein).
 */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = cell(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? cell(before, j - 2) + 1 : Infinity;
      row.push(Math.min(cell(above, j) + 1, cell(row, j - 1) + 1, replace, swap));
    }
    [before, above] = [above, row];
  }
  return cell(above, b.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
