import { nearest } from '../lib/errors/nearest';

/**
 * The text ` (did you mean '--hostname'?)`, if a few typing errors turn one of the words into the one that was written.
 */
export function suggestion(written: string, words: readonly string[], prefix = ''): string {
  const word = words[nearest(written, words)];
  return word === undefined ? '' : ` (did you mean '${prefix}${word}'?)`;
}
