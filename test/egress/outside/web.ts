import { spawn } from 'node:child_process';
import { createServer as createHttp } from 'node:http';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Certificates } from './certificates';
import { type NpmPackage, PACKAGE, WHEEL } from './packages';

/** A request as a server outside has heard it. */
export interface Heard {
  /** The host of the lab that heard it. */
  by: string;
  method: string;
  /** The header `Host`. */
  host: string;
  url: string;
  /** The name that TLS was asked for; undefined without TLS, false with none. */
  sni: string | false | null | undefined;
}

/** The things that the servers have to give. */
export interface Wares {
  npm: NpmPackage;
  wheel: Buffer;
  /** The directory with repositories of git. */
  repositories: string;
}

/** A server of HTTP for all names of a host of the lab: a page, an npm registry, an index of pip, and git. */
export function httpServer(by: string, wares: Wares, heard: Heard[]): HttpServer {
  return createHttp((request, response) => serve(by, wares, heard, request, response));
}

/** The same over TLS, which writes down the name in each handshake, whatever becomes of it. */
export function httpsServer(
  by: string,
  wares: Wares,
  heard: Heard[],
  { cert, key }: Certificates,
  names: string[],
): HttpServer {
  const SNICallback = (name: string, found: (error: null) => void): void => {
    names.push(name);
    found(null);
  };
  return createHttps({ cert, key, SNICallback }, (request, response) => serve(by, wares, heard, request, response));
}

function serve(by: string, wares: Wares, heard: Heard[], request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '', headers, socket } = request;
  const { servername: sni } = socket as Partial<TLSSocket>;
  heard.push({ by, method, host: headers.host ?? '', url, sni });
  const [path = '', query = ''] = url.split('?');
  const [area, name] = path.split('/').filter((part) => part !== '');
  if (area === 'git') {
    runGit(request, response, path.slice('/git'.length), query, wares.repositories);
  } else if (area === 'upload') {
    measure(request, response);
  } else if (area === 'bytes') {
    answer(response, 'application/octet-stream', Buffer.alloc(Number(name), 'x'));
  } else {
    answer(response, ...wareAt(area, name, request, wares));
  }
}

/** The media type and the contents of a path. */
function wareAt(
  area: string | undefined,
  name: string | undefined,
  request: IncomingMessage,
  { npm, wheel }: Wares,
): [string, string | Buffer] {
  if (area === 'simple') return ['text/html', simplePage(name)];
  if (area === 'wheels') return ['application/zip', wheel];
  if (area === 'tarballs') return ['application/octet-stream', npm.tarball];
  if (area === PACKAGE) return ['application/json', packument(request, npm)];
  const { method, url, headers } = request;
  return ['text/plain', `heard ${method} ${url} for ${headers.host ?? ''}\n`];
}

function answer(response: ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Says how much came. */
function measure(request: IncomingMessage, response: ServerResponse): void {
  let size = 0;
  request.on('data', (chunk: Buffer) => (size += chunk.length));
  request.once('end', () => answer(response, 'text/plain', String(size)));
}

/** The page of a package: PEP 503. */
function simplePage(name: string | undefined): string {
  return name === PACKAGE ? `<!DOCTYPE html><a href="/wheels/${WHEEL}">${WHEEL}</a>` : '<!DOCTYPE html>';
}

/** The document of a package in an npm registry. */
function packument({ headers, socket }: IncomingMessage, { integrity }: NpmPackage): string {
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const tarball = `${scheme}://${headers.host}/tarballs/${PACKAGE}-1.0.0.tgz`;
  const version = { name: PACKAGE, version: '1.0.0', main: 'index.js', dist: { tarball, integrity } };
  return JSON.stringify({ name: PACKAGE, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } });
}

/** git-http-backend(1), a CGI program. */
function runGit(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: string,
  repositories: string,
): void {
  const { headers, method } = request;
  const env = {
    PATH: process.env.PATH,
    GIT_PROJECT_ROOT: repositories,
    GIT_HTTP_EXPORT_ALL: '1',
    // The user of the server need not be the owner of the repository.
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_METHOD: method,
    CONTENT_TYPE: headers['content-type'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    HTTP_GIT_PROTOCOL: headers['git-protocol'] as string | undefined,
  };
  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  request.pipe(child.stdin.on('error', () => undefined));
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.once('close', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    const fields = all.subarray(0, end).toString().split('\r\n');
    for (const field of fields) {
      const [, name = '', value = ''] = /^([^:]+): *(.*)$/.exec(field) ?? [];
      if (name === 'Status') response.statusCode = Number.parseInt(value);
      else if (name !== '') response.setHeader(name, value);
    }
    response.end(all.subarray(end + '\r\n\r\n'.length));
  });
}
