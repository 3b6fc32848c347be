import { type Check, integer, schema } from '../errors/schema';
import { invalidType, validateString } from '../errors/validate';
import type { FetchOptions } from '../network/sockets/fetch';
import { type NetworkPlace, openNetwork } from './target';
import { Waiting } from './wait';
import { WAIT_FOR_PROGRAM, type WaitForProgramOptions, programOf } from './wait-options';

/** Options of {@link http}. Unknown ones are errors. */
export interface WaitHttpOptions extends WaitForProgramOptions {
  /** The status that the answer has to have. Default: one from 200 to 299. */
  status?: number | undefined;
  /** The port, for a path without a host. Default: 80. */
  port?: number | undefined;
  /** Options for each request: those of `Network.fetch()`, but `signal`. */
  request?: Omit<FetchOptions, 'signal'> | undefined;
}

const requestOptions: Check<FetchOptions> = (name, value) => {
  if (value === null || typeof value !== 'object') throw invalidType(name, 'of type object', value);
  return value;
};

const parseHttp = schema<WaitHttpOptions>()({
  ...WAIT_FOR_PROGRAM,
  status: integer(200, 599),
  port: integer(1, 65535),
  request: requestOptions,
});

/** Milliseconds for one attempt: a server that is starting may take a request, and never answer it. */
const ATTEMPT = 5000;

/**
 * Waits until an HTTP server answers with a status.
 *
 * @param target - where to connect from: a network, a set, a sandbox, a host of a lab, or a program, whose end ends the wait
 * @param url - a URL, or the path of one on `localhost`
 * @param options - or only the status
 * @returns the answer, the body of which has not been read
 * @throws NamespaceError `ETIMEDOUT`, `ERR_LINUX_NS_ENDED`, `ERR_LINUX_NS_CLOSED`, as {@link port}
 *
 * @example
 * ```ts
 * await waitFor.http(set, '/health', { port: 8080, status: 204 });
 * ```
 */
export async function http(
  target: NetworkPlace,
  url: string | URL,
  options: WaitHttpOptions | number = {},
): Promise<Response> {
  const parsed = parseHttp('options', typeof options === 'number' ? { status: options } : options);
  const { status, port = 80, request = {}, program = programOf(target) } = parsed;
  const whole = urlOf(url, port);
  using waiting = new Waiting(
    { subject: whole.href, verb: status === undefined ? 'answer with success' : `answer with status ${status}` },
    parsed,
    program,
  );
  if (program !== undefined) waiting.endWhen(program.exited);
  return await waiting.until(async (stopped) => {
    const { network, close } = await openNetwork(target);
    try {
      const response = await answerWithin(stopped, (signal) => network.fetch(whole, { ...request, signal }));
      if (status === undefined ? response.ok : response.status === status) return response;
      await response.body?.cancel();
      throw new Error(`status ${response.status} ${response.statusText}`);
    } finally {
      await close();
    }
  });
}

/** Aborts a request that has no answer in time. What comes later than its headers is not for this wait to break off. */
async function answerWithin(stopped: AbortSignal, send: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error(`no answer within ${ATTEMPT} ms`));
  const timer = setTimeout(abort, ATTEMPT);
  if (stopped.aborted) abort();
  stopped.addEventListener('abort', abort, { once: true });
  try {
    return await send(controller.signal);
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener('abort', abort);
  }
}

function urlOf(url: string | URL, port: number): URL {
  if (typeof url !== 'string') return new URL(url);
  validateString('url', url);
  return new URL(url, `http://localhost:${port}`);
}
