/** The expressions of a rule: NFTA_EXPR_* of `<linux/netfilter/nf_tables.h>`. Each works on registers of 32 bits. */
import { attributes, chosenBy, repeated } from '../netlink/attributes';
import { type ValueOf, be32, bytes, string } from '../netlink/types';

const VERDICT = attributes('NFTA_VERDICT_', { CODE: [1, be32] });
export const DATA = attributes('NFTA_DATA_', { VALUE: [1, bytes], VERDICT: [2, VERDICT] });

const META = attributes('NFTA_META_', { DREG: [1, be32], KEY: [2, be32] });
const PAYLOAD = attributes('NFTA_PAYLOAD_', { DREG: [1, be32], BASE: [2, be32], OFFSET: [3, be32], LEN: [4, be32] });
const CMP = attributes('NFTA_CMP_', { SREG: [1, be32], OP: [2, be32], DATA: [3, DATA] });
const LOOKUP = attributes('NFTA_LOOKUP_', { SET: [1, string], SREG: [2, be32], DREG: [3, be32] });
const IMMEDIATE = attributes('NFTA_IMMEDIATE_', { DREG: [1, be32], DATA: [2, DATA] });

const EXPRESSION = attributes('NFTA_EXPR_', {
  NAME: [1, string],
  DATA: [
    2,
    chosenBy(
      'NAME',
      new Map<unknown, typeof META | typeof PAYLOAD | typeof CMP | typeof LOOKUP | typeof IMMEDIATE>([
        ['meta', META],
        ['payload', PAYLOAD],
        ['cmp', CMP],
        ['lookup', LOOKUP],
        ['immediate', IMMEDIATE],
      ]) as never,
    ),
  ],
});

/** The expressions of a rule, one after another. */
export const EXPRESSIONS = attributes('NFTA_LIST_', { ELEM: [1, repeated(EXPRESSION)] });

export type Expression = ValueOf<typeof EXPRESSION>;
/** The number of a register, from 0 on. */
export type Register = number;

/** NFT_REG32_00 */
const FIRST_REGISTER = 8;
/** NFT_REG_VERDICT */
const VERDICT_REGISTER = 0;

/** NFT_META_* */
const META_KEYS = { protocol: 1, inputInterface: 4, outputInterface: 5 } as const;
/** NFT_PAYLOAD_* */
const BASES = { network: 1, transport: 2 } as const;
/** NFT_CMP_* */
const COMPARISONS = { equal: 0, atMost: 3, atLeast: 5 } as const;
/** NF_DROP, NF_ACCEPT */
const VERDICTS = { drop: 0, accept: 1 } as const;

function expression(name: string, data: Record<string, unknown>): Expression {
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

export function verdict(which: keyof typeof VERDICTS): Expression {
  return expression('immediate', { DREG: VERDICT_REGISTER, DATA: { VERDICT: { CODE: VERDICTS[which] } } });
}
