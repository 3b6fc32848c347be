import { createServer as createHttp } from 'node:http';
import { type Server, type Socket, createServer } from 'node:net';
import { once } from 'node:events';

/** The credentials that the proxies of the lab want. */
const PROXY_USER = 'agent';
const PROXY_PASSWORD = 'open sesame';

/** Opens a connection to a host of the outside. */
export type Dial = (host: string, port: number) => Promise<Socket>;

/** An HTTP proxy that knows CONNECT alone, and writes down where it was asked to go. RFC 9110, section 9.3.6 */
export function httpProxy(dial: Dial, asked: string[]): Server {
  const wanted = `Basic ${Buffer.from(`${PROXY_USER}:${PROXY_PASSWORD}`).toString('base64')}`;
  return createHttp((_, response) => response.writeHead(405).end()).on(
    'connect',
    ({ url = '', headers }, client: Socket, head: Buffer) => {
      asked.push(`http ${url}`);
      if (headers['proxy-authorization'] !== wanted) {
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="lab"\r\n\r\n');
        return;
      }
      const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(url) ?? [];
      dial(host, Number(port)).then(
        (server) => {
          client.write('HTTP/1.1 200 Connection established\r\n\r\n');
          server.write(head);
          join(client, server);
        },
        () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'),
      );
    },
  );
}

/** A SOCKS5 proxy that wants a user and a password. RFC 1928, RFC 1929 */
export function socksProxy(dial: Dial, asked: string[]): Server {
  return createServer((client) => {
    client.on('error', () => undefined);
    converse(client, dial, asked).catch(() => client.destroy());
  });
}

async function converse(client: Socket, dial: Dial, asked: string[]): Promise<void> {
  const [, methods = 0] = await take(client, 2);
  await take(client, methods);
  client.write(Buffer.from([5, 2]));

  const [, length = 0] = await take(client, 2);
  const user = (await take(client, length)).toString();
  const [size = 0] = await take(client, 1);
  const password = (await take(client, size)).toString();
  const isKnown = user === PROXY_USER && password === PROXY_PASSWORD;
  client.write(Buffer.from([1, isKnown ? 0 : 1]));
  if (!isKnown) return void client.end();

  const [, , , kind] = await take(client, 4);
  const host = await takeAddress(client, kind);
  const port = (await take(client, 2)).readUInt16BE();
  asked.push(`socks5 ${host}:${port}`);
  const server = await dial(host, port);
  client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
  join(client, server);
}

async function takeAddress(client: Socket, kind: number | undefined): Promise<string> {
  if (kind === 1) return [...(await take(client, 4))].join('.');
  if (kind === 4) return (await take(client, 16)).toString('hex').replace(/(....)(?!$)/g, '$1:');
  const [length = 0] = await take(client, 1);
  return (await take(client, length)).toString();
}

async function take(client: Socket, size: number): Promise<Buffer> {
  if (size === 0) return Buffer.alloc(0);
  for (;;) {
    const chunk = client.read(size) as Buffer | null;
    if (chunk !== null && chunk.length === size) return chunk;
    if (chunk !== null || client.readableEnded) throw new Error('The client ended too early');
    await once(client, 'readable');
  }
}

function join(client: Socket, server: Socket): void {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from
      .on('error', () => to.destroy())
      .once('close', () => to.destroy())
      .pipe(to);
  }
}
