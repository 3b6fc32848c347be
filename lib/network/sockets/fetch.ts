/** Requests from inside a network namespace, as the global fetch() makes them: decision 0076. */
import type * as http from 'node:http';
import type * as https from 'node:https';
import { createRequire } from 'node:module';
import { Readable, pipeline } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type * as zlib from 'node:zlib';
import { NamespaceError } from '../../errors/namespace-error';
import { type Check, copied, schema, schemaOf } from '../../errors/schema';
import { invalidType, invalidValue } from '../../errors/validate';
import type { Place } from '../place';
import { httpAgent, httpsAgent } from './agents';

/** Loads modules of Node when they are needed, because to load them takes longer than to load this package. */
const load = createRequire(__filename);

/** Options of {@link Network.fetch}: those of the global `fetch()`, and `agent`. Unknown ones are errors. */
export interface FetchOptions extends Omit<RequestInit, 'dispatcher'> {
  /**
   * The agent for the connections: one of {@link Network.httpsAgent} with the certificate of a test server, for
   * instance, or one that keeps its connections. Default: one of this network, with a connection for each request.
   */
  agent?: http.Agent | https.Agent | undefined;
}

const agent: Check<http.Agent | https.Agent> = (name, value) => {
  if (value !== null && typeof value === 'object') return value as http.Agent;
  throw invalidType(name, 'an http.Agent', value);
};

/** All but `agent` are checked by the constructor of Request. */
const OPTIONS = schema<FetchOptions>()({
  agent,
  body: copied,
  credentials: copied,
  duplex: copied,
  headers: copied,
  integrity: copied,
  keepalive: copied,
  method: copied,
  mode: copied,
  redirect: copied,
  referrer: copied,
  referrerPolicy: copied,
  signal: copied,
  window: copied,
});

/** Means something in a browser only, and is accepted as the global `fetch()` accepts it. */
const FETCH = schemaOf({ ...OPTIONS.checks, cache: copied });

/** The most redirects that are followed: https://fetch.spec.whatwg.org/#http-redirect-fetch */
const MOST_REDIRECTS = 20;

const REDIRECTS = [301, 302, 303, 307, 308];

/** Statuses whose answers have no body: https://fetch.spec.whatwg.org/#null-body-status */
const WITHOUT_BODY = [204, 205, 304];

/** One request of possibly several, if the first ones are redirected. */
interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Buffer | ReadableStream | null;
}

/** The things that hold for all hops. */
interface Journey {
  readonly place: Place;
  readonly agent: http.Agent | undefined;
  readonly redirect: Request['redirect'];
  /** Any of them breaks it off. AbortSignal.any() of Node 20 loses signals to the garbage collector. */
  readonly signals: readonly AbortSignal[];
}

/** {@link Network.fetch} */
export async function fetchFrom(
  place: Place,
  url: string | URL | Request,
  given: FetchOptions = {},
): Promise<Response> {
  const options = FETCH('options', given);
  const init = options as RequestInit;
  const request = new Request(url, init);
  const first = new URL(request.url);
  if (!isHttp(first)) throw invalidValue('url', request.url, 'must be an http: or https: URL');
  const own = init.signal ?? (url instanceof Request ? url.signal : undefined);
  const signals = [own, place.gone?.()].filter((signal) => signal !== undefined);
  for (const signal of signals) signal.throwIfAborted();
  const { method, headers, redirect } = request;
  const hop = { url: first, method, headers: withDefaults(headers), body: await bodyOf(request, init.body) };
  return travel({ place, agent: options.agent, redirect, signals }, hop);
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

/** The headers that the global fetch() of Node sends where the caller gives none. */
function withDefaults(headers: Headers): Headers {
  const defaults = { accept: '*/*', 'accept-encoding': 'gzip, deflate, br', 'user-agent': 'node' };
  for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
  return headers;
}

/** The body: whole where it is at hand, so that its length is known, and it can be sent once more; else a stream. */
async function bodyOf(request: Request, given: unknown): Promise<Hop['body']> {
  if (request.body === null) return null;
  const isStream = given === undefined || typeof given !== 'object' || given === null ? false : isStreaming(given);
  return isStream ? request.body : Buffer.from(await request.arrayBuffer());
}

function isStreaming(body: object): boolean {
  return 'getReader' in body || (Symbol.asyncIterator in body && !('arrayBuffer' in body));
}

/** Follows redirects to the answer. */
async function travel(journey: Journey, first: Hop): Promise<Response> {
  let hop = first;
  for (let redirects = 0; ; redirects++) {
    const answer = await send(journey, hop);
    const location = REDIRECTS.includes(answer.statusCode ?? 0) ? answer.headers.location : undefined;
    if (location === undefined || journey.redirect === 'manual') return responseOf(answer, hop, redirects > 0);
    answer.destroy();
    if (journey.redirect === 'error') throw redirectError(`${hop.url.href} redirects to ${location}`);
    if (redirects === MOST_REDIRECTS)
      throw redirectError(`redirected more than ${MOST_REDIRECTS} times, last to ${location}`);
    hop = nextHop(hop, location, answer.statusCode ?? 0);
  }
}

/** https://fetch.spec.whatwg.org/#http-redirect-fetch */
function nextHop(hop: Hop, location: string, status: number): Hop {
  const url = urlAt(location, hop.url);
  const headers = new Headers(hop.headers);
  if (url.origin !== hop.url.origin) for (const name of ['authorization', 'cookie', 'host']) headers.delete(name);
  const isPost = hop.method === 'POST' && status < 303;
  const isSeeOther = status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD';
  if (isPost || isSeeOther) {
    for (const name of [...headers.keys()]) if (name.startsWith('content-')) headers.delete(name);
    return { url, method: 'GET', headers, body: null };
  }
  if (hop.body !== null && !Buffer.isBuffer(hop.body))
    throw redirectError(`a stream cannot be sent again to ${url.href}`);
  return { ...hop, url, headers };
}

function urlAt(location: string, base: URL): URL {
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined;
  if (url === undefined || !isHttp(url))
    throw redirectError(`${base.href} redirects to ${location}, which is no HTTP URL`);
  if (url.hash === '') url.hash = base.hash;
  return url;
}

function redirectError(what: string): NamespaceError {
  return new NamespaceError({ code: 'ERR_LINUX_NS_REDIRECT', message: what, kind: 'net', step: 'fetch' });
}

/** Sends one request, and resolves with its answer when the headers have come. */
function send({ place, agent, signals }: Journey, { url, method, headers, body }: Hop): Promise<http.IncomingMessage> {
  const isSecure = url.protocol === 'https:';
  const { request } = load(isSecure ? 'node:https' : 'node:http') as typeof http;
  const connecting = new AbortController();
  const own = agent ?? (isSecure ? httpsAgent : httpAgent)(place, {}, connecting.signal);
  return new Promise((resolve, reject) => {
    let answer: http.IncomingMessage | undefined;
    const aborted = (): AbortSignal | undefined => signals.find((signal) => signal.aborted);
    const fail = (error: Error): void => reject((aborted()?.reason as Error | undefined) ?? error);
    const outgoing = request(url, { method, headers: Object.fromEntries(headers), agent: own });
    const stop = (): void => {
      const reason = aborted()?.reason as Error;
      answer?.destroy(reason);
      outgoing.destroy(reason);
      connecting.abort(reason);
      reject(reason); // a request that waits for a connection of an agent says nothing
    };
    for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
    outgoing.once('close', () => signals.forEach((signal) => signal.removeEventListener('abort', stop)));
    outgoing.on('error', fail);
    outgoing.once('response', (response) => resolve((answer = response)));
    if (body === null || Buffer.isBuffer(body)) outgoing.end(body ?? undefined);
    else pipeline(Readable.fromWeb(body), outgoing, (error) => error && fail(error));
  });
}

function responseOf(answer: http.IncomingMessage, hop: Hop, redirected: boolean): Response {
  const { statusCode: status = 0, statusMessage: statusText = '' } = answer;
  const headers = new Headers();
  const isEmpty = hop.method === 'HEAD' || WITHOUT_BODY.includes(status);
  try {
    for (let at = 0; at < answer.rawHeaders.length; at += 2) {
      headers.append(answer.rawHeaders[at] ?? '', answer.rawHeaders[at + 1] ?? '');
    }
    const body = isEmpty ? null : streamOf(decoded(answer, headers.get('content-encoding')));
    if (isEmpty) answer.resume();
    const response = new Response(body, { status, statusText, headers });
    const url = new URL(hop.url);
    url.hash = '';
    return Object.defineProperties(response, { url: { value: url.href }, redirected: { value: redirected } });
  } catch (error) {
    answer.destroy(); // a status or a header that Response refuses
    throw error;
  }
}

/** A stream of the web that reads no further ahead than the stream of Node does. */
function streamOf(body: Readable): ConstructorParameters<typeof Response>[0] {
  const strategy = new ByteLengthQueuingStrategy({ highWaterMark: body.readableHighWaterMark });
  return Readable.toWeb(body, { strategy }) as ConstructorParameters<typeof Response>[0];
}

/** The body without the encodings that were applied to it; unknown ones stay. */
function decoded(answer: http.IncomingMessage, encodings: string | null): Readable {
  const { createBrotliDecompress, createGunzip, createInflate } = load('node:zlib') as typeof zlib;
  const decoders = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };
  const names = (encodings ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length > MOST_ENCODINGS || !names.every((name) => name in decoders)) return answer;
  let stream: Readable = answer;
  for (const name of names.reverse()) {
    stream = pipeline(stream, decoders[name as keyof typeof decoders](), () => undefined);
  }
  return stream;
}

/** Each encoding costs memory of its own: a server could name thousands. */
const MOST_ENCODINGS = 5;
