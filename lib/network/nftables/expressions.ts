/** The expressions of a rule: NFTA_EXPR_* of `<linux/netfilter/nf_tables.h>`. Each works on registers of 32 bits. */
import { type AttributeSet, type AttributesOf, attributes, chosenBy, repeated } from '../netlink/attributes';
import { type ValueOf, be32, be64, bytes, string, u8 } from '../netlink/types';

const VERDICT = attributes('NFTA_VERDICT_', { CODE: [1, be32] });
export const DATA = attributes('NFTA_DATA_', { VALUE: [1, bytes], VERDICT: [2, VERDICT] });

const META = attributes('NFTA_META_', { DREG: [1, be32], KEY: [2, be32] });
const PAYLOAD = attributes('NFTA_PAYLOAD_', { DREG: [1, be32], BASE: [2, be32], OFFSET: [3, be32], LEN: [4, be32] });
const CMP = attributes('NFTA_CMP_', { SREG: [1, be32], OP: [2, be32], DATA: [3, DATA] });
const LOOKUP = attributes('NFTA_LOOKUP_', { SET: [1, string], SREG: [2, be32], DREG: [3, be32] });
const IMMEDIATE = attributes('NFTA_IMMEDIATE_', { DREG: [1, be32], DATA: [2, DATA] });
const BITWISE = attributes('NFTA_BITWISE_', {
  SREG: [1, be32],
  DREG: [2, be32],
  LEN: [3, be32],
  MASK: [4, DATA],
  XOR: [5, DATA],
});
const CT = attributes('NFTA_CT_', { DREG: [1, be32], KEY: [2, be32], DIRECTION: [3, u8] });
const DYNSET = attributes('NFTA_DYNSET_', {
  SET_NAME: [1, string],
  OP: [3, be32],
  SREG_KEY: [4, be32],
  SREG_DATA: [5, be32],
});
const NAT = attributes('NFTA_NAT_', {
  TYPE: [1, be32],
  FAMILY: [2, be32],
  REG_ADDR_MIN: [3, be32],
  REG_PROTO_MIN: [5, be32],
});
const MASQ = attributes('NFTA_MASQ_', { FLAGS: [1, be32], REG_PROTO_MIN: [2, be32], REG_PROTO_MAX: [3, be32] });
const COUNTER = attributes('NFTA_COUNTER_', { BYTES: [1, be64], PACKETS: [2, be64] });
const TPROXY = attributes('NFTA_TPROXY_', { FAMILY: [1, be32], REG_PORT: [3, be32] });

/** By the names of expressions. */
const KINDS = {
  meta: META,
  payload: PAYLOAD,
  cmp: CMP,
  lookup: LOOKUP,
  immediate: IMMEDIATE,
  bitwise: BITWISE,
  ct: CT,
  dynset: DYNSET,
  nat: NAT,
  masq: MASQ,
  tproxy: TPROXY,
  counter: COUNTER,
};

const EXPRESSION = attributes('NFTA_EXPR_', {
  NAME: [1, string],
  DATA: [2, chosenBy('NAME', new Map<unknown, AttributeSet>(Object.entries(KINDS) as never))],
});

/** The expressions of a rule, one after another. */
export const EXPRESSIONS = attributes('NFTA_LIST_', { ELEM: [1, repeated(EXPRESSION)] });

export type Expression = ValueOf<typeof EXPRESSION>;
/** The number of a register, from 0 on. */
export type Register = number;

/** NFT_REG32_00 */
const FIRST_REGISTER = 8;
const REGISTER_BYTES = 4;
/** NFT_REG_VERDICT */
const VERDICT_REGISTER = 0;

/** NFT_META_*. A name of an interface takes four registers. */
const META_KEYS = {
  protocol: 1,
  inputInterface: 4,
  outputInterface: 5,
  inputName: 6,
  outputName: 7,
  family: 15,
  transport: 16,
} as const;
/** NFT_CT_*; the first two are those of the connection before it was translated. */
const CT_KEYS = { originalPort: 11, originalSource: 19, state: 0, direction: 1, status: 2 } as const;
/** The direction whose source is asked for: IP_CT_DIR_ORIGINAL. */
const ORIGINAL = 0;
/** NFT_PAYLOAD_* */
const BASES = { network: 1, transport: 2 } as const;
/** NFT_CMP_* */
const COMPARISONS = { equal: 0, unequal: 1, atMost: 3, atLeast: 5 } as const;
/** NF_DROP, NF_ACCEPT */
const VERDICTS = { drop: 0, accept: 1 } as const;
/** NFT_DYNSET_OP_UPDATE */
const UPDATE = 1;
/** NFT_NAT_* */
const NAT_TYPES = { source: 0, destination: 1 } as const;
/** NFPROTO_IPV4; NFPROTO_UNSPEC is the family of the packet, whichever it is. */
const IPV4 = 2;
const ANY_FAMILY = 0;
/** NF_NAT_RANGE_PROTO_SPECIFIED, NF_NAT_RANGE_PROTO_RANDOM_FULLY */
const RANDOM_PORT = 0x2 | 0x10;

type DataOf<K extends keyof typeof KINDS> = (typeof KINDS)[K] extends AttributeSet<infer D> ? AttributesOf<D> : never;

type AttributesOfCounter = DataOf<'counter'>;

function expression<K extends keyof typeof KINDS>(name: K, data: DataOf<K>): Expression {
  return { NAME: name, DATA: data };
}

/** Loads a fact about the packet. */
export function meta(key: keyof typeof META_KEYS, into: Register): Expression {
  return expression('meta', { DREG: FIRST_REGISTER + into, KEY: META_KEYS[key] });
}

/** Loads bytes of the packet. */
export function payload(base: keyof typeof BASES, offset: number, length: number, into: Register): Expression {
  return expression('payload', { DREG: FIRST_REGISTER + into, BASE: BASES[base], OFFSET: offset, LEN: length });
}

/** The rule goes on only if it holds. */
export function compare(register: Register, comparison: keyof typeof COMPARISONS, value: Uint8Array): Expression {
  return expression('cmp', { SREG: FIRST_REGISTER + register, OP: COMPARISONS[comparison], DATA: { VALUE: value } });
}

/**
 * Looks for a key in a set; the rule goes on only if it is there.
 *
 * @param into - for a map, the register of its value
 */
export function lookup(set: string, key: Register, into?: Register): Expression {
  const data = { SET: set, SREG: FIRST_REGISTER + key };
  return expression('lookup', into === undefined ? data : { ...data, DREG: FIRST_REGISTER + into });
}

/** Loads a fact about the connection that the packet belongs to. */
export function connection(key: keyof typeof CT_KEYS, into: Register): Expression {
  const isOriginal = key === 'originalPort' || key === 'originalSource';
  return expression('ct', {
    DREG: FIRST_REGISTER + into,
    KEY: CT_KEYS[key],
    DIRECTION: isOriginal ? ORIGINAL : undefined,
  });
}

/** The rule goes on only if a number of 32 bits has one of these bits. It changes the register. */
export function hasBit(register: Register, bits: number): Expression[] {
  const none = new Uint8Array(REGISTER_BYTES);
  const MASK = { VALUE: new Uint8Array(Uint32Array.of(bits).buffer) };
  const at = FIRST_REGISTER + register;
  return [
    expression('bitwise', { SREG: at, DREG: at, LEN: REGISTER_BYTES, MASK, XOR: { VALUE: none } }),
    compare(register, 'unequal', none),
  ];
}

/** Loads bytes that the rule itself has. */
export function load(value: Uint8Array, into: Register): Expression {
  return expression('immediate', { DREG: FIRST_REGISTER + into, DATA: { VALUE: value } });
}

/**
 * Adds an element to a set, or lets it stay for longer.
 *
 * @param value - for a map, the register of its value
 */
export function update(set: string, key: Register, value?: Register): Expression {
  const SREG_DATA = value === undefined ? undefined : FIRST_REGISTER + value;
  return expression('dynset', { SET_NAME: set, OP: UPDATE, SREG_KEY: FIRST_REGISTER + key, SREG_DATA });
}

/** Translates the source or the destination of the connection to an address of IPv4 and a port, and accepts it. */
export function translate(which: keyof typeof NAT_TYPES, address: Register, port: Register): Expression {
  return expression('nat', {
    TYPE: NAT_TYPES[which],
    FAMILY: IPV4,
    REG_ADDR_MIN: FIRST_REGISTER + address,
    REG_PROTO_MIN: FIRST_REGISTER + port,
  });
}

/**
 * Translates the source of the connection to the address of the interface that it leaves by, and accepts it.
 *
 * @param ports - the registers of the first and the last port, of which it gets one by chance
 */
export function masquerade(ports?: readonly [first: Register, last: Register]): Expression {
  if (ports === undefined) return expression('masq', {});
  const [first, last] = ports;
  return expression('masq', {
    FLAGS: RANDOM_PORT,
    REG_PROTO_MIN: FIRST_REGISTER + first,
    REG_PROTO_MAX: FIRST_REGISTER + last,
  });
}

/**
 * Gives the packet to the transparent socket (IP_TRANSPARENT, ip(7)) that listens on a port of this host, and leaves its
 * addresses as they are. Packets of a connection that such a socket has accepted go to that one. The rule goes on only
 * if there is such a socket.
 *
 * @param port - the register of the port
 */
export function proxy(port: Register): Expression {
  return expression('tproxy', { FAMILY: ANY_FAMILY, REG_PORT: FIRST_REGISTER + port });
}

/** Counts the packets that come this far in the rule. */
export function counter(): Expression {
  return expression('counter', {});
}

/** The packets that the counters among these expressions have counted, as the kernel gives them back. */
export function packetsCounted(expressions: readonly Expression[]): number {
  const counts = expressions.map(({ NAME, DATA: data }) =>
    NAME === 'counter' ? ((data as AttributesOfCounter | undefined)?.PACKETS ?? 0) : 0,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

export function verdict(which: keyof typeof VERDICTS): Expression {
  return expression('immediate', { DREG: VERDICT_REGISTER, DATA: { VERDICT: { CODE: VERDICTS[which] } } });
}
