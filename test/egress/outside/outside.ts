import { mkdtempSync, rmSync } from 'node:fs';
import { type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Host, Lab } from '../../../lib/lab';
import type { Network } from '../../../lib/network';
import { type Certificates, makeCertificates } from './certificates';
import { makeNpmPackage, makeRepository, makeWheel } from './packages';
import { httpProxy, socksProxy } from './proxies';
import { type SshAccess, startSshd } from './ssh';
import { type Heard, type Wares, httpServer, httpsServer } from './web';

/**
 * The addresses of the hosts outside. They are of the range that the internet has, in a network that leads nowhere:
 * addresses that are reserved for documentation are refused as special.
 */
export const ADDRESSES = {
  web: ['93.184.216.10', '2606:2800:220:1::10'],
  other: ['93.184.216.20', '2606:2800:220:1::20'],
  proxy: ['93.184.216.30', '2606:2800:220:1::30'],
} as const;

/** The names outside, and the host that has each. */
const NAMES = {
  'www.example.com': 'web',
  'api.example.com': 'web',
  'registry.example.com': 'web',
  'pypi.example.com': 'web',
  'git.example.com': 'web',
  'www.example.net': 'other',
  'secrets.example.org': 'other',
  'proxy.example.com': 'proxy',
} as const;

/** A port where a server says the name of its host first, and then repeats what it hears. */
export const ECHO_PORT = 7000;
/** A port where a server only counts what it hears. */
export const SINK_PORT = 7001;
/** A port where a server answers whatever comes as if it were one request of HTTP, and writes all of it down. */
export const RAW_PORT = 8080;
/** The ports of the proxies. */
export const PROXY_PORTS = { http: 3128, socks5: 1080 } as const;

/** Answers of HTTP. */
const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n';

/**
 * The outside of a sandbox: a lab with a web server, an npm registry, an index of pip, git, names, and proxies. Node
 * dials from the host `gate`. There is a second host that has the same, which policies do not name.
 */
export class Outside implements AsyncDisposable {
  /** The requests of HTTP that have arrived at the servers. */
  readonly heard: Heard[] = [];
  /** The destinations for which the proxies were asked. */
  readonly asked: string[] = [];
  /** The names of hosts where a connection of TCP has arrived that is not one of HTTP: at the echo and at the sink. */
  readonly dialled: string[] = [];
  /** The names in handshakes of TLS that have arrived. */
  readonly handshakes: string[] = [];
  /** All that has arrived at {@link RAW_PORT}. */
  raw = '';
  readonly lab: Lab;
  readonly gate: Host;
  readonly certificates: Certificates;
  /** A directory of the host, gone with the outside. */
  readonly directory: string;
  readonly #sinks = new Set<Socket>();
  #sinksArePaused = false;
  #ssh: Promise<SshAccess> | undefined;

  private constructor(lab: Lab, gate: Host, certificates: Certificates, directory: string) {
    this.lab = lab;
    this.gate = gate;
    this.certificates = certificates;
    this.directory = directory;
  }

  /** Makes it. */
  static async open(): Promise<Outside> {
    const directory = mkdtempSync(join(tmpdir(), 'ns-outside-'));
    const lab = await Lab.create();
    try {
      const [certificates, npm, wheel, repositories] = await Promise.all([
        makeCertificates(directory, Object.keys(NAMES)),
        makeNpmPackage(directory),
        makeWheel(directory),
        makeRepository(directory),
      ]);
      const wan = await lab.addNetwork('wan', { subnet: '93.184.216.0/24', subnet6: '2606:2800:220:1::/64' });
      const outside = new Outside(lab, await lab.addHost('gate', { on: wan }), certificates, directory);
      for (const [name, address] of Object.entries(ADDRESSES)) {
        await lab.addHost(name, { on: wan, address: [...address], run: true });
      }
      for (const [name, host] of Object.entries(NAMES)) lab.dns.set(name, [...ADDRESSES[host]]);
      for (const name of ['web', 'other']) await outside.#serve(name, { npm, wheel, repositories });
      await outside.#serveProxies();
      return outside;
    } catch (error) {
      await lab.close();
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** The network in which Node dials. */
  get network(): Network {
    return this.gate.network;
  }

  host(name: string): Host {
    return this.lab.hostOf('name', name);
  }

  /** Starts an ssh server on the host `web`, once. */
  async ssh(): Promise<SshAccess> {
    this.#ssh ??= startSshd(this.host('web'), this.directory);
    return this.#ssh;
  }

  /** Lets the servers at {@link SINK_PORT} read no more, or go on. */
  pauseSinks(paused: boolean): void {
    this.#sinksArePaused = paused;
    for (const socket of this.#sinks)
      if (paused) socket.pause();
      else socket.resume();
  }

  /** What has arrived at a host, and forgets it. */
  takeHeard(by: string): Heard[] {
    const found = this.heard.filter((each) => each.by === by);
    this.heard.splice(0, this.heard.length, ...this.heard.filter((each) => each.by !== by));
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #serve(name: string, wares: Wares): Promise<void> {
    const host = this.host(name);
    const noted = (serve: (socket: Socket) => void) => (socket: Socket) => {
      this.dialled.push(name);
      serve(socket.on('error', () => undefined));
    };
    await host.listen(httpServer(name, wares, this.heard), 80);
    await host.listen(httpsServer(name, wares, this.heard, this.certificates, this.handshakes), 443);
    const echo = noted((socket) => {
      socket.write(`${name}\n`);
      socket.pipe(socket);
    });
    await host.listen(createServer({ allowHalfOpen: true }, echo), ECHO_PORT);
    const sink = noted((socket) => {
      this.#sinks.add(socket.once('close', () => this.#sinks.delete(socket)));
      if (this.#sinksArePaused) socket.pause();
      else socket.resume();
    });
    await host.listen(createServer(sink), SINK_PORT);
    const raw = noted((socket) => {
      socket.on('data', (chunk) => {
        this.raw += chunk.toString('latin1');
        socket.write(/\nupgrade:/i.test(chunk.toString('latin1')) ? SWITCHING : EMPTY);
      });
    });
    await host.listen(createServer(raw), RAW_PORT);
  }

  async #serveProxies(): Promise<void> {
    const proxy = this.host('proxy');
    const dial = (host: string, port: number): Promise<Socket> => proxy.connect({ host, port });
    await proxy.listen(httpProxy(dial, this.asked), PROXY_PORTS.http);
    await proxy.listen(socksProxy(dial, this.asked), PROXY_PORTS.socks5);
  }
}
