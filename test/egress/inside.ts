import type { Socket } from 'node:net';
import { type NamespaceSet, unshare } from '../../lib';
import { type Egress, type EgressPolicy, type EgressRequest, Network } from '../../lib/network';
import type { Outside } from './outside/outside';

/** Namespaces whose only way out is a policy. Their programs are root there, with all capabilities. */
export class Inside implements AsyncDisposable {
  readonly set: NamespaceSet;
  /** Sockets inside, as programs there have them. */
  readonly network: Network;
  readonly egress: Egress;
  /** All requests so far. */
  readonly requests: EgressRequest[] = [];

  private constructor(set: NamespaceSet, network: Network, egress: Egress) {
    this.set = set;
    this.network = network;
    this.egress = egress;
    egress.on('request', (request: EgressRequest) => this.requests.push(request));
  }

  static async open(outside: Outside, policy: EgressPolicy): Promise<Inside> {
    const set = await unshare(['user', 'net', 'mnt', 'pid']);
    try {
      const network = await Network.open(set);
      return new Inside(set, network, await network.egress({ outside: outside.gate, ...policy }));
    } catch (error) {
      await set.close();
      throw error;
    }
  }

  /** What a command line inside writes, to either side, whether it succeeds or not. */
  async said(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await this.set.execFile('/bin/sh', ['-c', `exec 2>&1; ${command}; true`, 'sh', ...args]);
    return stdout.trimEnd();
  }

  /** The lines that a program in Python writes. */
  async python(...code: string[]): Promise<string[]> {
    return (await this.said('/usr/bin/python3 -c "$1"', code.join('\n'))).split('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.egress.close();
    await this.network.close();
    await this.set.close();
  }
}

/** The end of a conversation, and what was heard until then. */
export interface Conversation {
  heard: Buffer;
  /** The code of the error that ended it; undefined for an orderly end. */
  error: string | undefined;
}

/** In place of a piece: the end of what is sent. */
export const END = Symbol('end');

/** Sends bytes, one piece after the other, and listens until the other side ends, or until it has heard something. */
export async function converse(
  socket: Socket,
  pieces: readonly (string | Buffer | typeof END)[],
  until: (heard: Buffer) => boolean = () => false,
): Promise<Conversation> {
  const chunks: Buffer[] = [];
  const ended = new Promise<string | undefined>((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (until(Buffer.concat(chunks))) socket.destroy();
    });
    socket.once('end', () => socket.end());
    socket.once('close', () => resolve(code));
  });
  for (const piece of pieces) {
    if (socket.destroyed) break;
    if (piece === END) socket.end();
    else await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  }
  const error = await ended;
  return { heard: Buffer.concat(chunks), error };
}

/** Connects inside, and has a conversation; one that cannot begin has ended with its error. */
export async function converseWith(
  { network }: Inside,
  [host, port]: readonly [string, number],
  pieces: readonly (string | Buffer | typeof END)[],
  until?: (heard: Buffer) => boolean,
): Promise<Conversation> {
  try {
    return await converse(await network.connect({ host, port, allowHalfOpen: true }), pieces, until);
  } catch (error) {
    return { heard: Buffer.alloc(0), error: (error as NodeJS.ErrnoException).code };
  }
}
