/** The options of `linux-ns run` about the network that a program reaches, and about what reaches it. */
import { type WriteStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Sandbox } from 'linux-ns';
import type { Egress, EgressPolicy, EgressRequest } from 'linux-ns/network';
import { type Given, type Option, UsageError } from '../command';
import { printJsonMessage, printMessages } from '../output';

/** The options that make the network one with a policy. */
const OF_POLICY = ['allow-host', 'deny-host', 'ask', 'via', 'report'] as const;

export const EGRESS_OPTIONS: readonly Option[] = [
  { name: 'allow-host', value: 'HOST[:PORT]', help: 'reach HOST and no others; may be repeated' },
  { name: 'deny-host', rare: true, value: 'HOST[:PORT]', help: 'do not let them reach HOST, whatever allows it' },
  { name: 'ask', rare: true, help: 'ask on the terminal about hosts that no option names' },
  { name: 'via', rare: true, value: 'URL', help: 'make allowed connections through this proxy' },
  {
    ...{ name: 'report', rare: true, value: 'FILE', completes: 'file' },
    help: 'append a line of JSON to FILE for each connection; -: standard error',
  },
  {
    ...{ name: 'expose', rare: true, value: '[PORT:]PORT[/udp]' },
    help: "make a port of the sandbox (the last) reachable by a port of the host's loopback",
  },
];

/** The policy of the options, added to that of a spec; undefined if there is none. */
export function policyOf(given: Given, network: string | EgressPolicy | undefined): EgressPolicy | undefined {
  const fromSpec = typeof network === 'object' ? network : undefined;
  const option = OF_POLICY.find((each) => given.has(each));
  if (option === undefined) return fromSpec;
  if (typeof network === 'string' && network !== 'none') {
    throw new UsageError(`--${option} is for a network of its own, and not for --network ${network}`);
  }
  const via = given.value('via');
  if (via !== undefined) refuseNoProxy(via);
  return {
    ...fromSpec,
    allow: [...(fromSpec?.allow ?? []), ...given.values('allow-host')],
    deny: [...(fromSpec?.deny ?? []), ...given.values('deny-host')],
    ...(via === undefined ? {} : { via }),
  };
}

/** The library says the same about a URL that it has parsed, and cannot show what was written: it may have a password. */
function refuseNoProxy(via: string): void {
  if (/^(https?|socks5):\/\/[^/?#]+\/?$/i.test(via)) return;
  throw new UsageError(
    `--via must be the URL of a proxy, such as http://proxy:3128, https:// or socks5://, not '${via.replace(/^.*@/, '…@')}'`,
  );
}

/** A port of a sandbox, and the one of the host that leads to it. */
export interface Exposed {
  readonly inside: number;
  readonly host: number;
  readonly protocol: 'tcp' | 'udp';
}

const MOST_PORT = 65535;

/** Reads the values of --expose: `8080`, `9000:8080`, `0:8080/udp`. Of one port, the host has the same. */
export function exposedOf(given: Given, network: string | EgressPolicy | undefined): Exposed[] {
  const texts = given.values('expose');
  if (texts.length > 0 && network === 'host') {
    throw new UsageError("--expose is not for --network host, where servers are on the host's ports already");
  }
  return texts.map((text) => {
    const [, host, inside = '', protocol = 'tcp'] = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
    const ports = { inside: Number(inside), host: Number(host ?? inside) };
    if (inside === '' || ports.inside < 1 || Math.max(ports.inside, ports.host) > MOST_PORT) {
      throw new UsageError(`--expose must be PORT or HOST-PORT:PORT, with /udp for UDP, not '${text}'`);
    }
    return { ...ports, protocol: protocol as 'tcp' | 'udp' };
  });
}

/** Exposes ports. One that is any of the host's is told. */
export async function expose(sandbox: Sandbox, exposed: readonly Exposed[]): Promise<void> {
  for (const { inside, host, protocol } of exposed) {
    const { port } = await sandbox.expose(inside, { host, protocol });
    if (host === 0) printMessages([`linux-ns: run: port ${inside} is 127.0.0.1:${port} of the host`]);
  }
}

/** The report of connections, as lines of JSON. Only its owner can read a new file: command lines may have secrets. */
export class Report implements AsyncDisposable {
  /** Undefined for standard error. */
  readonly #file: WriteStream | undefined;
  readonly #seen = new WeakSet<EgressRequest>();
  #egress: Egress | undefined;
  #error: unknown;

  /** @param path - `-` is standard error */
  static async open(path: string): Promise<Report> {
    if (path === '-') return new Report(undefined);
    const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
    try {
      await once(file, 'open');
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      throw new UsageError(`--report: cannot write ${path}: ${code}`);
    }
    return new Report(file);
  }

  private constructor(file: WriteStream | undefined) {
    this.#file = file;
    file?.on('error', (error) => (this.#error = error));
  }

  follow(egress: Egress): void {
    this.#egress = egress;
    egress.on('request', (request) => void this.#write(request));
  }

  /** Writes what is not written yet, after the sandbox has been closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all((this.#egress?.requests.recent ?? []).map((request) => this.#write(request)));
    if (this.#error === undefined) await new Promise<void>((done) => this.#file?.end(done) ?? done());
    if (this.#error !== undefined) {
      printMessages([`linux-ns: run: --report: ${(this.#error as Error).message}`]);
    }
  }

  async #write(request: EgressRequest): Promise<void> {
    if (this.#seen.has(request)) return;
    this.#seen.add(request);
    await request.finished;
    if (this.#file === undefined) printJsonMessage(request);
    else this.#file.write(`${JSON.stringify(request)}\n`);
  }
}
