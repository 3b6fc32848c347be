/** Sends echo requests from a network, and pairs them with what comes back. */
import { randomBytes, randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import type { NativeRawSocket } from '../../../types/native';
import { systemError } from '../../errors/system-error';
import { native } from '../../native';
import type { Network } from '../../network/network';
import { inetEndpoint, addressArguments } from '../../network/descriptors/endpoint';
import { type EchoAnswer, type Family, decodeAnswer, encodeRequest } from './icmp';

/** The result of one echo request. */
export interface Outcome {
  readonly kind: EchoAnswer['kind'] | 'silence' | 'refused';
  /** The address that has answered. */
  readonly from?: string;
  /** Milliseconds from the request to the answer. */
  readonly time?: number;
  /** The code of the error with which this host's own kernel did not send it: `ENETUNREACH`. */
  readonly code?: string;
}

export interface Request {
  readonly address: string;
  /** The number of routers that it may pass. */
  readonly hops: number;
  /** The bytes after the header of ICMP. */
  readonly size: number;
  /** Milliseconds. */
  readonly timeout: number;
}

interface Sent {
  readonly at: bigint;
  readonly payload: Buffer;
  readonly settle: (outcome: Outcome) => void;
}

/** Numbers of `<netinet/in.h>` and `<linux/icmp.h>`. */
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;

/** The types of messages that the kernel keeps back: all but echo replies, unreachable and time exceeded. */
const KEPT_BACK = ~((1 << 0) | (1 << 3) | (1 << 11));

const NANOSECONDS = 1_000_000;

/** The most messages that are taken before others have their turn. */
const MOST_TOGETHER = 64;

/** A raw socket for ICMP of one family. Programs on the host may forge answers, and then lie about their own host. */
export class Pinger {
  readonly #family: Family;
  readonly #fd: number;
  readonly #socket: NativeRawSocket;
  readonly #id = randomInt(0x10000);
  readonly #sent = new Map<number, Sent>();
  #sequence = 0;

  private constructor(family: Family, fd: number) {
    this.#family = family;
    this.#fd = fd;
    this.#socket = native().openRawSocket(fd, () => this.#onReadable());
  }

  static async open(network: Network, family: Family): Promise<Pinger> {
    const fd = await network.socket(
      family === 4 ? 'inet' : 'inet6',
      'raw',
      family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
    );
    try {
      if (family === 4) native().setSocketOption(fd, SOL_RAW, ICMP_FILTER, KEPT_BACK);
      return new Pinger(family, fd);
    } catch (cause) {
      native().closeNow(fd);
      throw systemError(cause, { step: 'ping', operation: 'socket', kind: 'net' });
    }
  }

  /** Sends one request, and resolves with what has come of it. It never rejects. */
  send({ address, hops, size, timeout }: Request): Promise<Outcome> {
    const sequence = this.#sequence++ & 0xffff;
    const payload = randomBytes(size);
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        this.#sent.delete(sequence);
        resolve(outcome);
      };
      const timer = setTimeout(() => settle({ kind: 'silence' }), timeout);
      try {
        this.#setHops(hops);
        const message = encodeRequest(this.#family, { id: this.#id, sequence }, payload);
        const at = this.#socket.send(message, ...addressArguments(inetEndpoint(address, 0)));
        this.#sent.set(sequence, { at, payload, settle });
      } catch (cause) {
        settle(refusal(cause));
      }
    });
  }

  close(): void {
    this.#socket.close();
    for (const { settle } of this.#sent.values()) settle({ kind: 'silence' });
  }

  #setHops(hops: number): void {
    if (this.#family === 4) native().setSocketOption(this.#fd, IPPROTO_IP, IP_TTL, hops);
    else native().setSocketOption(this.#fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
  }

  #onReadable(): void {
    for (let count = 0; count < MOST_TOGETHER; count++) {
      const received = this.#receive();
      if (received === undefined) return;
      const [packet, from, at] = received;
      const answer = decodeAnswer(this.#family, packet);
      const sent = answer?.id === this.#id ? this.#sent.get(answer.sequence) : undefined;
      if (answer === undefined || sent === undefined) continue;
      if (answer.kind === 'reply' && !answer.payload.equals(sent.payload)) continue;
      sent.settle({ kind: answer.kind, from, time: Math.max(0, Number(at - sent.at) / NANOSECONDS) });
    }
  }

  /** Undefined when there is nothing now. Errors of a raw socket are about what it has sent: each request has its own end. */
  #receive(): ReturnType<NativeRawSocket['receive']> {
    try {
      return this.#socket.receive();
    } catch {
      return undefined;
    }
  }
}

/** Pingers of a network, one for each family that is used. */
export class Pingers {
  readonly #network: Network;
  readonly #open = new Map<Family, Promise<Pinger>>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** The one for requests to that address. */
  find(address: string): Promise<Pinger> {
    const family = isIP(address) === 6 ? 6 : 4;
    const pinger = this.#open.get(family) ?? Pinger.open(this.#network, family);
    this.#open.set(family, pinger);
    return pinger;
  }

  async close(): Promise<void> {
    for (const pinger of await Promise.allSettled(this.#open.values())) {
      if (pinger.status === 'fulfilled') pinger.value.close();
    }
  }
}

function refusal(cause: unknown): Outcome {
  const { code } = systemError(cause, { step: 'ping', operation: 'ping', kind: 'net' }) as { code?: string };
  if (code === undefined) throw cause;
  return { kind: 'refused', code };
}
