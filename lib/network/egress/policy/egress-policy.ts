import type { Socket } from 'node:net';
import type { LookupAddress, LookupOptions } from '../../resolve/lookup';
import type { ConnectOptions } from '../../sockets/connect-options';
import type { EgressProgram } from '../requests/egress-request';

/**
 * A host, and ports of it: in one text, or in two properties.
 *
 * | Text | What it names |
 * |---|---|
 * | `'packages.example.com'` | this name, on every port |
 * | `'packages.example.com:443'`, `':8000-8100'`, `':80,443'` | this name, on these ports |
 * | `'*.github.com'` | all names below `github.com`, at any depth, and not `github.com` itself |
 * | `'.github.com'` | `github.com` and all names below it |
 * | `'10.1.2.3'`, `'10.1.0.0/16:5432'`, `'[fd00::/8]:443'`, `'fd00::1'` | these addresses |
 * | `'*'`, `'*:443'` | every name and every address, but not those that are special |
 *
 * Letters may be large or small, a dot at the end changes nothing, and names like `'bücher.example'` are written as they are
 * read. Addresses are special that are not of the public internet: private ones, loopback, link-local ones, this
 * machine's own and the like.
 * Only a rule that gives such an address, or its network, names it.
 */
export type EgressRule = string | EgressHost;

/** A rule in two properties: {@link EgressRule}. */
export interface EgressHost {
  /** A name, `*.` and a name, a dot and a name, an address, a network, or `*`. It has no port. */
  host: string;
  /** A port, a range such as `'8000-8100'`, or several of both. Default: every port. */
  port?: number | string | readonly (number | string)[] | undefined;
}

/** A question for {@link EgressPolicy.ask}: may a program inside connect to this? */
export interface EgressQuestion {
  /** The name that the program has looked up, in the form of DNS; undefined where it connects to an address as such. */
  readonly name: string | undefined;
  /** The address that the program connects to. For a name it is the one that the name has inside. */
  readonly address: string;
  /** The port that the program connects to. */
  readonly port: number;
  /** The program; undefined where that cannot be told. What it says about itself may be a lie. */
  readonly program: EgressProgram | undefined;
  /** Aborted when the answer is no longer needed: its time is over, a rule has decided, or the egress is closed. */
  readonly signal: AbortSignal;
}

/**
 * The network in which allowed connections continue. A {@link Network} is one, and so is a host of a lab.
 */
export interface EgressOutside {
  /** Finds the addresses of a name, as {@link Network.lookup} does. */
  lookup(hostname: string, options?: LookupOptions): Promise<LookupAddress[]>;
  /** Connects to an address, as {@link Network.connect} does. */
  connect(options: ConnectOptions): Promise<Socket>;
}

/**
 * The hosts that programs in a network reach, and the way to them. Whatever no rule allows is refused. Unknown options are
 * errors, and so is a rule that can never match.
 *
 * @example
 * ```ts
 * const policy: EgressPolicy = {
 *   allow: ['packages.example.com', '*.github.com:443', '10.1.0.0/16:5432', { host: 'db.internal', port: 5432 }],
 *   deny: ['gist.github.com'],
 *   ask: async ({ name, port }) => confirm(`Connect to ${name}:${port}?`),
 * };
 * ```
 */
export interface EgressPolicy {
  /** What programs may connect to. Default: nothing. */
  allow?: readonly EgressRule[] | undefined;
  /** What they may not connect to, even if a rule of {@link allow} names it. Default: nothing. */
  deny?: readonly EgressRule[] | undefined;
  /**
   * Decides about what no rule names. The connection waits meanwhile. Each host is asked about once for each port, and the
   * answer is remembered until {@link Egress.revoke}. A function that throws, or returns no boolean, refuses that connection,
   * and so does the time-out; neither is remembered. Default: what no rule names is refused.
   */
  ask?: ((question: EgressQuestion) => boolean | Promise<boolean>) | undefined;
  /** Milliseconds for an answer of {@link ask}. Default: 60,000. */
  askTimeout?: number | undefined;
  /**
   * The ports on which connections are looked at and, if allowed, made: `[80, 443, '8000-8100']`. On others the kernel refuses
   * them at once. Default: `'all'`.
   */
  ports?: 'all' | readonly (number | string)[] | undefined;
  /**
   * An upstream proxy that makes the connections: `'http://user:password@proxy:3128'`, `'https://proxy'`,
   * `'socks5://proxy:1080'`. Programs inside see nothing of it. Default: none.
   */
  via?: string | URL | undefined;
  /** The network in which names are resolved and connections made. Default: that of this process. */
  outside?: EgressOutside | undefined;
  /**
   * TLS handshakes whose name is encrypted (Encrypted Client Hello, RFC 9849): the true name in there cannot be compared with
   * the one that was allowed. Chromium sends at least a dummy of it with each handshake, unless its own policy
   * `EncryptedClientHelloEnabled` is false. Default: `'refuse'`.
   */
  ech?: 'refuse' | 'allow' | undefined;
}
