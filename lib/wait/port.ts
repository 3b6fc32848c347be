import { schema, string } from '../errors/schema';
import { validateInteger } from '../errors/validate';
import { type NetworkPlace, openNetwork } from './target';
import { Waiting } from './wait';
import { WAIT_FOR_PROGRAM, type WaitForProgramOptions, programOf } from './wait-options';

/** Options of {@link port}. Unknown ones are errors. */
export interface WaitPortOptions extends WaitForProgramOptions {
  /** The address or name to connect to. Default: `'localhost'`, both its addresses. */
  host?: string | undefined;
}

const parsePort = schema<WaitPortOptions>()({ ...WAIT_FOR_PROGRAM, host: string });

/** Milliseconds for one attempt: where packets are lost, the kernel would wait for minutes. */
const ATTEMPT = 1000;

/**
 * Waits until a TCP port accepts a connection, which is closed at once.
 *
 * @param target - where to connect from: a network, a set, a sandbox, a host of a lab, or a program, whose end ends the wait
 * @throws NamespaceError `ETIMEDOUT`, with the last refusal as its `cause`; `ERR_LINUX_NS_ENDED` when the program has
 * ended; `ERR_LINUX_NS_CLOSED`
 *
 * @example
 * ```ts
 * await waitFor.port(child, 5432, { timeout: 10_000 });
 * ```
 */
export async function port(target: NetworkPlace, port: number, options: WaitPortOptions = {}): Promise<void> {
  validateInteger('port', port, 1, 65535);
  const parsed = parsePort('options', options);
  const { host = 'localhost', program = programOf(target) } = parsed;
  using waiting = new Waiting(
    { subject: host === 'localhost' ? `port ${port}` : `port ${port} of ${host}`, verb: 'accept a connection' },
    parsed,
    program,
  );
  if (program !== undefined) waiting.endWhen(program.exited);
  // Opening is part of the attempt: a program that has just ended has no namespaces any more.
  await waiting.until(async (signal) => {
    const { network, close } = await openNetwork(target);
    try {
      const socket = await network.connect({ port, host, timeout: ATTEMPT, signal });
      socket.destroy();
    } finally {
      await close();
    }
  });
}
