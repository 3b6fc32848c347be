import { NamespaceError } from '../../errors/namespace-error';
import { mapInTurns } from '../../event-loop/turns';
import type { Declarations } from './attributes';
import type { Connection, Request } from './connection';
import { type Decoded, decode } from './netlink-message';

/** How often a list is tried that others' changes interrupt. */
export const MOST_ATTEMPTS = 50;

/** Asks for everything of a kind, and decodes it. */
export async function dump<H, D extends Declarations>(
  connection: Connection,
  request: Request<H, D>,
): Promise<Decoded<H, D>[]> {
  const answers = await connection.request(request);
  return mapInTurns(answers, (message) => decode(request.type, message));
}

/** The error of a list that was never whole. */
export function interrupted(step: string): NamespaceError {
  const message = `what was to be listed changed each of the ${MOST_ATTEMPTS} times that it was tried`;
  return new NamespaceError({ code: 'ERR_LINUX_NS_INTERRUPTED', message, step, kind: 'net' });
}
