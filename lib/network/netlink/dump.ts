import { mapInTurns } from '../../event-loop/turns';
import type { Declarations } from './attributes';
import type { Connection, Request } from './connection';
import { type Decoded, decode } from './netlink-message';

/** Requests all objects of a kind, and decodes them. */
export async function dump<H, D extends Declarations>(
  connection: Connection,
  request: Request<H, D>,
): Promise<Decoded<H, D>[]> {
  const answers = await connection.request(request);
  return mapInTurns(answers, (message) => decode(request.type, message));
}
