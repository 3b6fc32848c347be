/** The page of a lab: its picture in a browser, live, where faults are set by clicks. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, schema } from '../../errors/schema';
import { closeWhenForgotten, notForgotten } from '../../handle/forgotten';
import { inspectAs } from '../../handle/inspect';
import type { LabEvent } from '../events';
import { PAGE_CSS, PAGE_HTML, PAGE_JS } from './assets';

/** Options of {@link Lab.page}. Unknown ones are errors. */
export interface PageOptions {
  /** The port on 127.0.0.1. Default: any that is free. */
  port?: number | undefined;
}

/** The lab as the page knows it: to be shown, and to be changed. */
export interface PageSubject {
  /** The picture of the lab as it is now. */
  svg(): string;
  /** Its state, for JSON. */
  state(): object;
  /** Bytes that have passed each port. */
  traffic(): Promise<readonly PortTraffic[]>;
  /** Does what somebody has clicked on. @throws whatever the lab throws */
  act(action: unknown): Promise<void>;
  readonly events: Iterable<LabEvent>;
  /** Calls a function with each event, until the function that is returned is called. */
  listen(listener: (event: LabEvent) => void): () => void;
}

/** The bytes that a host has sent and received through a port, from the beginning. */
export interface PortTraffic {
  readonly port: string;
  readonly host: string;
  readonly network: string;
  readonly out: number;
  readonly in: number;
}

const OPTIONS = schema<PageOptions>()({ port: integer(0, 65535) });

const HOST = '127.0.0.1';

/** Milliseconds between two looks at the traffic, while somebody looks. */
const TICK_MS = 500;

/** The most browsers at once, bytes of a request, bytes that a browser may leave unread, and events that one gets first. */
const MOST_VIEWERS = 16;
const MOST_REQUEST_BYTES = 1 << 16;
const MOST_UNREAD_BYTES = 1 << 22;
const FIRST_EVENTS = 200;

/** Nothing of the page comes from elsewhere, and no other page may have it in a frame. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  '/': ['text/html; charset=utf-8', PAGE_HTML],
  '/page.css': ['text/css; charset=utf-8', PAGE_CSS],
  '/page.js': ['text/javascript; charset=utf-8', PAGE_JS],
};

/**
 * Starts the page of a lab.
 *
 * @param closeAlong - registers a function that closes the page together with the lab, and returns one that takes it back
 */
export async function startPage(
  subject: PageSubject,
  closeAlong: (close: () => Promise<void>) => () => void,
  options: unknown = {},
): Promise<LabPage> {
  const { port = 0 } = OPTIONS('options', options);
  const served = new Serving(subject);
  await served.listen(port);
  served.onClose = closeAlong(() => served.close());
  return new LabPage(served);
}

/** A browser that looks. */
interface Viewer {
  readonly response: ServerResponse;
  /** Events that it has not got yet. */
  events: LabEvent[];
}

/** The server. It is apart from {@link LabPage}, which can be collected as garbage. */
class Serving {
  readonly token = randomBytes(24).toString('base64url');
  readonly #subject: PageSubject;
  readonly #server: Server;
  readonly #viewers = new Set<Viewer>();
  readonly #unlisten: () => void;
  onClose: () => void = () => undefined;
  /** The object that the user has. */
  handle: WeakRef<LabPage> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #before: ReadonlyMap<string, PortTraffic> = new Map();
  #lookedAt = 0;
  /** The state that was shown last, as JSON: not every change is an event. */
  #state = '';

  constructor(subject: PageSubject) {
    this.#subject = subject;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#unlisten = subject.listen((event) => this.#onEvent(event));
  }

  async listen(port: number): Promise<void> {
    this.#server.listen({ host: HOST, port, exclusive: true });
    await once(this.#server, 'listening');
    this.#server.unref();
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  async close(): Promise<void> {
    const handle = this.handle?.deref();
    if (handle !== undefined) notForgotten(handle);
    this.onClose();
    this.#unlisten();
    clearTimeout(this.#timer);
    for (const { response } of this.#viewers) response.end();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      reply(response, 400, { error: (error as Error).message });
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, method, url: path = '' } = request;
    const file = Object.hasOwn(FILES, path) && method === 'GET' ? FILES[path] : undefined;
    // A name that leads here may be somebody else's, whose page then has the same origin: DNS rebinding.
    if (!this.#isOurs(headers.host)) reply(response, 421, { error: 'the host is another one' });
    else if (file !== undefined) response.writeHead(200, { ...HEADERS, 'content-type': file[0] }).end(file[1]);
    else if (!this.#hasToken(headers.authorization)) reply(response, 401, { error: 'the token is missing' });
    else if (path === '/api/live' && method === 'GET') this.#join(response);
    else if (path === '/api/do' && method === 'POST') await this.#act(request, response);
    else reply(response, 404, { error: 'there is no such path' });
  }

  async #act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#subject.act(JSON.parse(await bodyOf(request)));
    reply(response, 200, {});
  }

  #isOurs(host: string | undefined): boolean {
    return host === `${HOST}:${this.port}` || host === `localhost:${this.port}`;
  }

  #hasToken(authorization = ''): boolean {
    const [given, wanted] = [Buffer.from(authorization), Buffer.from(`Bearer ${this.token}`)];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  #join(response: ServerResponse): void {
    if (this.#viewers.size >= MOST_VIEWERS) {
      reply(response, 503, { error: 'too many look at this lab already' });
      return;
    }
    const viewer: Viewer = { response, events: [] };
    this.#viewers.add(viewer);
    response.once('close', () => this.#viewers.delete(viewer));
    response.writeHead(200, { ...HEADERS, 'content-type': 'application/x-ndjson' });
    tell(viewer, { ...this.#show(), events: [...this.#subject.events].slice(-FIRST_EVENTS) });
    this.#timer ??= this.#tickSoon();
  }

  /** The changes of an event are shown in the next turn, together with those of others. */
  #onEvent(event: LabEvent): void {
    const isFirst = [...this.#viewers].every(({ events }) => events.length === 0);
    for (const viewer of this.#viewers) viewer.events.push(event);
    if (isFirst && this.#viewers.size > 0) setImmediate(() => this.#tellChanges());
  }

  #tellChanges(): void {
    if (this.#viewers.size === 0) return;
    const shown = this.#show();
    for (const viewer of this.#viewers) {
      if (viewer.events.length > 0) tell(viewer, { ...shown, events: viewer.events.splice(0) });
    }
  }

  #show(): { svg: string; state: object } {
    const state = this.#subject.state();
    this.#state = JSON.stringify(state);
    return { svg: this.#subject.svg(), state };
  }

  #tickSoon(): NodeJS.Timeout {
    return setTimeout(() => void this.#tick(), TICK_MS).unref();
  }

  async #tick(): Promise<void> {
    this.#timer = undefined;
    if (this.#viewers.size === 0) return;
    try {
      const links = this.#rates(await this.#subject.traffic());
      const state = JSON.stringify(this.#subject.state());
      const changes = state === this.#state ? {} : this.#show();
      for (const viewer of this.#viewers) tell(viewer, { ...changes, links });
      this.#timer ??= this.#tickSoon();
    } catch {
      // The lab is being closed, and this page with it.
    }
  }

  /** Bytes in a second since the last look. */
  #rates(now: readonly PortTraffic[]): PortTraffic[] {
    const [before, at] = [this.#before, performance.now()];
    const seconds = Math.max(0.001, (at - this.#lookedAt) / 1000);
    this.#before = new Map(now.map((each) => [each.port, each]));
    this.#lookedAt = at;
    return now.map((each) => {
      const last = before.get(each.port) ?? each;
      const rate = (key: 'in' | 'out'): number => Math.max(0, each[key] - last[key]) / seconds;
      return { ...each, in: rate('in'), out: rate('out') };
    });
  }
}

/** A browser that does not read gets nothing more, and has to begin anew. */
function tell({ response }: Viewer, message: object): void {
  if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
  else response.write(`${JSON.stringify(message)}\n`);
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return;
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_REQUEST_BYTES) throw new Error('the request is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The page of a lab, served on 127.0.0.1: hosts, links, faults and traffic while they change; faults are set by clicks. Who
 * has its address can do to the lab what this process can do to it, so the address has a token, which no other user knows.
 *
 * It ends with {@link LabPage.close}, or with the lab. It does not keep Node running.
 *
 * @example
 * ```ts
 * const page = await lab.page();
 * console.log(page.url); // http://127.0.0.1:41297/#…
 * ```
 */
export class LabPage implements AsyncDisposable {
  static {
    // Without the token: what is printed may end up in the log of a CI that others read.
    inspectAs(this, (page) => ({ port: page.#served.port }));
  }

  readonly #served: Serving;

  /** @internal */
  constructor(served: Serving) {
    this.#served = served;
    served.handle = new WeakRef(this);
    closeWhenForgotten(this, 'A LabPage', served, (owned) => owned.close());
  }

  /** The address for a browser. The token is in its fragment, which browsers send to nobody. */
  get url(): string {
    return `http://${HOST}:${this.#served.port}/#${this.#served.token}`;
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#served.close();
  }

  /** Calls {@link LabPage.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
