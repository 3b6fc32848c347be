/**
 * Fuzzes the decoder of netlink messages: `npm run fuzz:netlink -- [INPUTS] [SEED]`. What it is given are real dumps of the
 * kernel, and requests of our own, with bytes changed, lengths that lie, ends cut off and parts mixed.
 */
import type { NamespaceError } from '../../../lib';
import { ADDRESS, RTM_GETADDR } from '../../../lib/network/address/address-message';
import { ANY_LINK } from '../../../lib/network/link/ifinfo';
import { LINK, RTM_GETLINK, RTM_NEWLINK } from '../../../lib/network/link/link-message';
import { NEIGHBOR, RTM_GETNEIGH } from '../../../lib/network/neighbor/neighbor-message';
import {
  type Message,
  NlmFlag,
  NlmsgType,
  acknowledgement,
  decode,
  encode,
  messagesIn,
} from '../../../lib/network/netlink/netlink-message';
import { NEXTHOP } from '../../../lib/network/nexthop/nexthop-message';
import { NSID } from '../../../lib/network/nsid/nsid-message';
import { ROUTE, RTM_GETROUTE, RTM_NEWROUTE } from '../../../lib/network/route/route-message';
import { QDISC, RTM_GETQDISC, RTM_NEWQDISC } from '../../../lib/network/qdisc/qdisc-message';
import { RTM_GETRULE, RULE } from '../../../lib/network/rule/rule-message';
import { eventOf } from '../../../lib/network/watch/events';
import { native } from '../../../lib/native';

/** What has come of it. */
export interface FuzzResult {
  inputs: number;
  /** Inputs in which something was refused as malformed. */
  refused: number;
  messages: number;
}

const TYPES = [LINK, ADDRESS, ROUTE, RULE, NEIGHBOR, NEXTHOP, NSID, QDISC];

/** Bytes that decide: lengths, types, counts. */
const INTERESTING = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 20, 28, 31, 32, 33, 63, 64, 127, 128, 254, 255];

/** Decodes so many mutations, and throws at the first that ends in anything but a value or the error of a malformed one. */
export function fuzz(seeds: readonly Buffer[], inputs: number, seed: number): FuzzResult {
  const random = generator(seed);
  const result = { inputs, refused: 0, messages: 0 };
  for (let i = 0; i < inputs; i++) {
    const input = mutated(seeds, random);
    try {
      if (!decodes(input, result)) result.refused++;
    } catch (error) {
      throw new Error(`seed ${seed}, input ${i}: ${input.toString('hex')}`, { cause: error });
    }
  }
  return result;
}

/** Dumps of this process's own network, and messages as they are sent. */
export async function seedsOf(): Promise<Buffer[]> {
  const dumps = [
    encode(LINK, RTM_GETLINK, NlmFlag.REQUEST | NlmFlag.DUMP, { header: ANY_LINK, attributes: {} }),
    encode(QDISC, RTM_GETQDISC, NlmFlag.REQUEST | NlmFlag.DUMP, { header: { ...ANY_QDISC, index: 0 }, attributes: {} }),
    ...[RTM_GETADDR, RTM_GETROUTE, RTM_GETRULE, RTM_GETNEIGH].flatMap((type) => [dumpOf(type, 2), dumpOf(type, 10)]),
  ];
  const received = await Promise.all([...dumps, wrongRequest()].map(exchange));
  return [...received, ...requests()].filter((bytes) => bytes.length > 0);
}

/** `struct rtgenmsg` and zeros: what all of these begin with. */
function dumpOf(type: number, family: number): Buffer {
  const sizes: Record<number, number> = { [RTM_GETADDR]: 8, [RTM_GETROUTE]: 12, [RTM_GETRULE]: 12, [RTM_GETNEIGH]: 12 };
  const bytes = Buffer.alloc(16 + (sizes[type] ?? 0));
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(NlmFlag.REQUEST | NlmFlag.DUMP, 6);
  bytes[16] = family;
  return bytes;
}

/** Its acknowledgement has attributes: a sentence, an offset. */
function wrongRequest(): Buffer {
  const attributes = { IFNAME: 'lo', MTU: 1, IFALIAS: 'x'.repeat(300) };
  return encode(LINK, RTM_GETLINK, NlmFlag.REQUEST | NlmFlag.ACK, { header: ANY_LINK, attributes });
}

/** Kinds that the kernel at hand may not have. */
const KINDS_WITH_SETTINGS: readonly [kind: string, data: Record<string, unknown>][] = [
  ['bond', { MODE: 4, ARP_IP_TARGET: ['10.0.0.1'], AD_INFO: { AGGREGATOR: 1, PARTNER_MAC: '02:00:00:00:00:01' } }],
  ['geneve', { ID: 7, REMOTE6: 'fd00::1', PORT: 6081, COLLECT_METADATA: true }],
  ['gretap', { IFLAGS: 0x2000, IKEY: 5, LOCAL: '10.0.0.1', REMOTE: '10.0.0.2', ENCAP_LIMIT: 4 }],
];

const ANY_QDISC = { family: 0, pad: undefined, index: 1, handle: 0x10000, parent: 0xffffffff, info: 0 };
const STATS = { BASIC: { bytes: 1, packets: 2 }, PKT64: 3 };
const QDISCS_WITH_SETTINGS: readonly [kind: string, options: Record<string, unknown>][] = [
  [
    'netem',
    {
      QOPT: { latency: 1, limit: 1000, loss: 2, gap: 1, duplicate: 3, jitter: 4 },
      ...{ REORDER: { probability: 1, pad: undefined }, LATENCY64: 40_000_000 },
    },
  ],
  ['htb', { INIT: { version: 3, r2q: 10, default: 1, debug: 0, directPackets: 0 }, DIRECT_QLEN: 5 }],
  ['fq_codel', { TARGET: 5000, LIMIT: 100, ECN: 1 }],
];

function requests(): Buffer[] {
  const peer = { header: ANY_LINK, attributes: { IFNAME: 'b', MTU: 1400 } };
  const route = {
    family: 2,
    destinationLength: 8,
    sourceLength: 0,
    tos: 0,
    table: 254,
    protocol: 3,
    scope: 0,
    type: 1,
    flags: 0,
  };
  return [
    encode(LINK, RTM_NEWLINK, 0, {
      header: ANY_LINK,
      attributes: {
        IFNAME: 'a',
        ADDRESS: Buffer.from('020000000001', 'hex'),
        LINKINFO: { KIND: 'veth', DATA: { PEER: peer } },
        PROP_LIST: { ALT_IFNAME: ['one', 'another'] },
        AF_SPEC: { INET6: { ADDR_GEN_MODE: 1 } },
      },
    }),
    encode(LINK, RTM_NEWLINK, 0, {
      header: ANY_LINK,
      attributes: { LINKINFO: { KIND: 'vxlan', DATA: { ID: 4, GROUP6: 'fe80::1', PORT_RANGE: { low: 1, high: 2 } } } },
    }),
    ...KINDS_WITH_SETTINGS.map(([kind, data]) =>
      encode(LINK, RTM_NEWLINK, 0, { header: ANY_LINK, attributes: { LINKINFO: { KIND: kind, DATA: data } } }),
    ),
    ...QDISCS_WITH_SETTINGS.map(([kind, options]) =>
      encode(QDISC, RTM_NEWQDISC, 0, {
        header: ANY_QDISC,
        attributes: { KIND: kind, OPTIONS: options, STATS2: STATS },
      }),
    ),
    encode(ROUTE, RTM_NEWROUTE, 0, {
      header: route,
      attributes: {
        DST: '10.0.0.0',
        VIA: 'fe80::1',
        METRICS: { MTU: 1400, CC_ALGO: 'reno' },
        MULTIPATH: [
          { flags: 0, hops: 1, index: 3, attributes: { GATEWAY: '10.0.0.1' } },
          { flags: 4, hops: 0, index: 4, attributes: { VIA: 'fe80::2' } },
        ],
      },
    }),
  ];
}

function exchange(request: Buffer): Promise<Buffer> {
  const socket = native().openNetlink(native().socket(16, 3, 0), 1 << 20, () => undefined);
  return new Promise((resolve) => {
    socket.exchange(request, Uint32Array.of(request.length), (answers) => {
      socket.close();
      resolve(answers);
    });
  });
}

/** Whether nothing in it was refused by the type that it says it is of. */
function decodes(input: Buffer, result: FuzzResult): boolean {
  const messages = accepted(() => messagesIn(input));
  if (messages === undefined) return false;
  result.messages += messages.length;
  return messages.map(decodesMessage).every((isGood) => isGood);
}

function decodesMessage(message: Message): boolean {
  const asItSays = accepted(() => [eventOf(message, (index) => `if${index}`)]);
  for (const type of TYPES) accepted(() => decode(type as typeof LINK, message));
  for (const type of [NlmsgType.ERROR, NlmsgType.DONE]) accepted(() => acknowledgement({ ...message, type }));
  return asItSays !== undefined;
}

/** What it comes to; undefined where the message is malformed. Anything else is a fault of the decoder's. */
function accepted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NamespaceError).code !== 'ERR_LINUX_NS_MALFORMED_MESSAGE') throw error;
    return undefined;
  }
}

type Random = (below: number) => number;

/** mulberry32: 32 bits of state, so that a seed says all. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Long enough for a few messages, short enough for many inputs. */
const MOST_BYTES = 2048;

function mutated(seeds: readonly Buffer[], random: Random): Buffer {
  const seed = seeds[random(seeds.length)] ?? Buffer.alloc(0);
  const start = boundary(seed, random);
  let bytes = Buffer.from(seed.subarray(start, start + MOST_BYTES));
  for (let changes = random(8); changes > 0; changes--) bytes = changed(bytes, seeds, random);
  return bytes;
}

/** Where a message begins, as often as not. */
function boundary(seed: Buffer, random: Random): number {
  if (random(4) === 0) return 0;
  const messages = messagesIn(seed);
  return (messages[random(messages.length)]?.from ?? 16) - 16;
}

function changed(bytes: Buffer, seeds: readonly Buffer[], random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const at = random(copy.length);
  switch (random(7)) {
    case 0: // a bit
      copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
      return copy;
    case 1: // a byte
      copy[at] = random(256);
      return copy;
    case 2: // a byte that decides
      copy[at] = INTERESTING[random(INTERESTING.length)] ?? 0;
      return copy;
    case 3: // a length, or a type: 16 bits where attributes have theirs
      if (copy.length >= 4)
        copy.writeUInt16LE(random(0x10000), (at >>> 1) << 1 > copy.length - 2 ? 0 : (at >>> 1) << 1);
      return copy;
    case 4: // its end cut off, and perhaps the length of the message made to fit
      return fitted(Buffer.from(copy.subarray(0, at)), random);
    case 5: // something cut out
      return fitted(Buffer.concat([copy.subarray(0, at), copy.subarray(at + random(64))]), random);
    default: {
      // a part of another
      const other = seeds[random(seeds.length)] ?? copy;
      const from = random(other.length);
      return fitted(
        Buffer.concat([copy.subarray(0, at), other.subarray(from, from + random(128)), copy.subarray(at)]),
        random,
      );
    }
  }
}

function fitted(bytes: Buffer<ArrayBuffer>, random: Random): Buffer<ArrayBuffer> {
  if (bytes.length >= 16 && random(2) === 0) bytes.writeUInt32LE(bytes.length, 0);
  return bytes;
}

async function main(): Promise<void> {
  const [inputs = 1_000_000, seed = Date.now() >>> 0] = process.argv.slice(2).map(Number);
  const seeds = await seedsOf();
  Error.stackTraceLimit = 0; // nearly all of the time would go into stacks that nobody reads
  const started = Date.now();
  const { refused, messages } = fuzz(seeds, inputs, seed);
  const seconds = (Date.now() - started) / 1000;
  console.log(
    `${inputs} inputs from ${seeds.length} messages and dumps, seed ${seed}: ${messages} messages decoded, ` +
      `${refused} inputs with something malformed, no fault, ${seconds.toFixed(1)} s`,
  );
}

if (require.main === module) void main();
