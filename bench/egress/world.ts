/** A server outside, and a network inside whose egress allows it and nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type NamespaceSet, unshare } from 'linux-ns';
import { type Egress, type EgressOutside, Network } from 'linux-ns/network';

const NAME = 'bench.example';
const LOOPBACK = '127.0.0.1';

/** The network of this process, where the name has the address of the loopback, at which the server is. */
function outsideOf(here: Network): EgressOutside {
  return {
    lookup: async () => Promise.resolve([{ address: LOOPBACK, family: 4 }]),
    connect: async (options) => here.connect(options),
  };
}

/** What a client does: see client.js. */
export interface Task {
  what: 'requests' | 'rate' | 'hold';
  count: number;
  bytes?: number;
  parallel?: number;
}

interface Made {
  set: NamespaceSet;
  network: Network;
  here: Network;
  egress: Egress;
  inside: string;
}

export class World implements AsyncDisposable {
  readonly #servers: ChildProcess[] = [];
  readonly #port: number;
  readonly #proxy: number;
  readonly #set: NamespaceSet;
  readonly #network: Network;
  readonly #here: Network;
  readonly #egress: Egress;
  readonly #inside: string;

  private constructor([server, proxy]: readonly [Started, Started], { set, network, here, egress, inside }: Made) {
    this.#servers = [server.child, proxy.child];
    this.#port = server.port;
    this.#proxy = proxy.port;
    this.#set = set;
    this.#network = network;
    this.#here = here;
    this.#egress = egress;
    this.#inside = inside;
  }

  static async make(): Promise<World> {
    const [server, proxy] = [await start('server.js'), await start('proxy.js')];
    const set = await unshare(['user', 'net']);
    const network = await Network.open(set);
    const allow = [`${NAME}:${server.port}`, `${LOOPBACK}:${server.port}`];
    const here = await Network.open();
    const egress = await network.egress({ allow, outside: outsideOf(here) });
    const [found] = await network.lookup(NAME, { servers: ['192.0.2.53'], family: 4 });
    return new World([server, proxy], { set, network, here, egress, inside: found!.address });
  }

  /** The connections that are open. */
  get connections(): number {
    return this.#egress.connections;
  }

  /** Runs a client without an egress, straight to the server or through the proxy. */
  async direct<T>(task: Task, through?: 'proxy'): Promise<T> {
    const proxy = through === undefined ? undefined : this.#proxy;
    const child = spawn(process.execPath, this.#args(LOOPBACK, task, proxy), { stdio: ['ignore', 'pipe', 'inherit'] });
    return JSON.parse(await firstLine(child.stdout)) as T;
  }

  /** Runs a client inside. */
  async inside<T>(task: Task): Promise<T> {
    const child = await this.spawn(task);
    const answer = JSON.parse(await firstLine(child.stdout!)) as T;
    child.stdin!.end();
    await child.exited;
    return answer;
  }

  /** Starts a client inside. */
  async spawn(task: Task): ReturnType<NamespaceSet['spawn']> {
    return this.#set.spawn(process.execPath, this.#args(this.#inside, task), { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Milliseconds that curl(1) takes for so many bytes, through the egress or straight to the server. */
  async download(bytes: number, way: 'inside' | 'direct'): Promise<number> {
    const host = way === 'inside' ? this.#inside : LOOPBACK;
    const args = ['-s', '-o', '/dev/null', '-w', '%{size_download} %{time_total}', '-H', `Host: ${NAME}`];
    const url = `http://${host}:${this.#port}/${bytes}`;
    const child =
      way === 'inside'
        ? await this.#set.spawn('curl', [...args, url], { stdio: ['ignore', 'pipe', 'inherit'] })
        : spawn('curl', [...args, url], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [size, seconds] = (await allOf(child.stdout!)).split(' ').map(Number);
    if (size !== bytes) throw new Error(`curl received ${size} of ${bytes} bytes`);
    return seconds! * 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network.close();
    await this.#set.close();
    await this.#here.close();
    for (const server of this.#servers) server.kill();
  }

  #args(host: string, task: Task, proxy?: number): string[] {
    return [join(__dirname, 'client.js'), JSON.stringify({ ...task, host, port: this.#port, name: NAME, proxy })];
  }
}

interface Started {
  child: ChildProcess;
  port: number;
}

async function start(file: string): Promise<Started> {
  const child = spawn(process.execPath, [join(__dirname, file)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, port: Number(await firstLine(child.stdout)) };
}

async function firstLine(from: Readable): Promise<string> {
  let text = '';
  for await (const [chunk] of on(from)) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text;
}

async function* on(from: Readable): AsyncGenerator<unknown[]> {
  for (;;) yield (await once(from, 'data')) as unknown[];
}

async function allOf(from: Readable): Promise<string> {
  let text = '';
  for await (const chunk of from) text += String(chunk);
  return text;
}
