import type { Search } from '../entries';
import type { Piece } from '../piece';
import { search } from './search';

/** Puts in the place of each search a piece for each path that it finds. */
export async function withFound(
  pieces: readonly (Piece | Search)[],
  signal: AbortSignal | undefined,
): Promise<Piece[]> {
  const made: Piece[] = [];
  for (const each of pieces) {
    if ('steps' in each) made.push(each);
    else made.push(...(await search(each.source, each.globs, each.label, signal)).map(each.pieceAt));
  }
  return made;
}
