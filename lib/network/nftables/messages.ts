/**
 * Messages to nf_tables: `<linux/netfilter/nf_tables.h>`, `<linux/netfilter/nfnetlink.h>`. Only what this package needs of
 * it is here.
 */
import { type AttributeSet, type AttributesOf, type Declarations, attributes, repeated } from '../netlink/attributes';
import { type Message, NlmFlag, decode, encode } from '../netlink/netlink-message';
import { be16, be32, be64, string, struct, u8 } from '../netlink/types';
import { DATA, EXPRESSIONS, type Expression, packetsCounted } from './expressions';

/** The families of tables: NFPROTO_*. Tables of `inet` are for IPv4 and IPv6. */
const FAMILIES = { inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;
/** The places in the way of a packet where a chain can be: NF_INET_*, and NF_BR_* with the same numbers. */
const HOOKS = { prerouting: 0, input: 1, forward: 2, postrouting: 4 } as const;

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const Type = {
  NEWTABLE: 0,
  DELTABLE: 2,
  NEWCHAIN: 3,
  NEWRULE: 6,
  GETRULE: 7,
  NEWSET: 9,
  NEWSETELEM: 12,
  DELSETELEM: 14,
} as const;

/**
 * The types of keys and values, with their numbers in nft(8), to which alone they matter, and their sizes in bytes. A
 * list of types is one key: each takes six bits of the number.
 */
const TYPES = {
  ipv4: [7, 4],
  ipv6: [8, 16],
  protocol: [12, 1],
  port: [13, 2],
  mark: [19, 4],
  interface: [20, 4],
} as const;
const TYPE_BITS = 6;
const REGISTER_BYTES = 4;

type ElementType = keyof typeof TYPES;

/** NFT_SET_* */
const SET_FLAGS = { map: 0x8, timeout: 0x10, eval: 0x20 } as const;
/** The most elements in a message: the attribute that they are in has 64 KiB at most. */
const MOST_ELEMENTS = 800;

/** `struct nfgenmsg` */
const GENERIC = struct({ family: u8, version: u8, resource: be16 });

const TABLE = attributes('NFTA_TABLE_', { NAME: [1, string] });
const HOOK = attributes('NFTA_HOOK_', { HOOKNUM: [1, be32], PRIORITY: [2, be32] });
const DESCRIPTION = attributes('NFTA_SET_DESC_', { SIZE: [1, be32] });
const CHAIN = attributes('NFTA_CHAIN_', {
  TABLE: [1, string],
  NAME: [3, string],
  HOOK: [4, HOOK],
  TYPE: [7, string],
});
const RULE = attributes('NFTA_RULE_', {
  TABLE: [1, string],
  CHAIN: [2, string],
  EXPRESSIONS: [4, EXPRESSIONS],
});
const SET = attributes('NFTA_SET_', {
  TABLE: [1, string],
  NAME: [2, string],
  FLAGS: [3, be32],
  KEY_TYPE: [4, be32],
  KEY_LEN: [5, be32],
  DATA_TYPE: [6, be32],
  DATA_LEN: [7, be32],
  DESC: [9, DESCRIPTION],
  ID: [10, be32],
  TIMEOUT: [11, be64],
});
const ELEMENT = attributes('NFTA_SET_ELEM_', { KEY: [1, DATA], DATA: [2, DATA] });
const ELEMENTS = attributes('NFTA_SET_ELEM_LIST_', {
  TABLE: [1, string],
  SET: [2, string],
  ELEMENTS: [3, attributes('NFTA_LIST_', { ELEM: [1, repeated(ELEMENT)] })],
});
const BATCH = attributes('NFNL_BATCH_', {});

/** A key of a set, with its value where the set is a map. */
export interface Element {
  key: Uint8Array;
  value?: Uint8Array | undefined;
}

/** A chain that packets pass at a place of their way, in the order of priorities. */
export interface ChainOptions {
  type: 'filter' | 'nat';
  hook: keyof typeof HOOKS;
  /** Default: 0. */
  priority?: number | undefined;
}

/** The options of a set. */
export interface SetOptions {
  /** For a map, the types of its values. */
  value?: readonly ElementType[] | undefined;
  /** Rules add elements: each stays for so many seconds after the last packet, and there are no more than that. */
  dynamic?: { seconds: number; size: number } | undefined;
}

/** The messages about one table. All that are sent together take effect together, or none does. */
export class Table {
  readonly #family: number;
  readonly #name: string;
  #sets = 0;

  constructor(family: keyof typeof FAMILIES, name: string) {
    this.#family = FAMILIES[family];
    this.#name = name;
  }

  /** @param exclusive - true where it is an error (EEXIST) that there is such a table already */
  create(exclusive = false): Buffer {
    const flags = NlmFlag.CREATE | (exclusive ? NlmFlag.EXCL : 0);
    return this.#message(TABLE, Type.NEWTABLE, flags, { NAME: this.#name });
  }

  delete(): Buffer {
    return this.#message(TABLE, Type.DELTABLE, 0, { NAME: this.#name });
  }

  addChain(name: string, { type, hook, priority = 0 }: ChainOptions): Buffer {
    return this.#message(CHAIN, Type.NEWCHAIN, NlmFlag.CREATE, {
      TABLE: this.#name,
      NAME: name,
      HOOK: { HOOKNUM: HOOKS[hook], PRIORITY: priority >>> 0 },
      TYPE: type,
    });
  }

  addSet(name: string, key: readonly ElementType[], { value, dynamic }: SetOptions = {}): Buffer {
    const map = value === undefined ? 0 : SET_FLAGS.map;
    return this.#message(SET, Type.NEWSET, NlmFlag.CREATE, {
      TABLE: this.#name,
      NAME: name,
      FLAGS: map | (dynamic === undefined ? 0 : SET_FLAGS.timeout | SET_FLAGS.eval),
      KEY_TYPE: typeNumber(key),
      KEY_LEN: bytesOf(key),
      DATA_TYPE: value && typeNumber(value),
      DATA_LEN: value && bytesOf(value),
      DESC: dynamic && { SIZE: dynamic.size },
      ID: ++this.#sets,
      TIMEOUT: dynamic && dynamic.seconds * 1000,
    });
  }

  addRule(chain: string, expressions: readonly Expression[]): Buffer {
    return this.#message(RULE, Type.NEWRULE, NlmFlag.CREATE | NlmFlag.APPEND, {
      ...{ TABLE: this.#name, CHAIN: chain, EXPRESSIONS: { ELEM: [...expressions] } },
    });
  }

  /** Asks for the rules of a chain: each is answered by a message for {@link countedBy}. It changes nothing. */
  listRules(chain: string): Buffer {
    return this.#encode(RULE, Type.GETRULE, NlmFlag.DUMP, { TABLE: this.#name, CHAIN: chain });
  }

  /** Makes these the elements of a set, in place of those that are there. */
  setElements(set: string, elements: readonly Element[]): Buffer[] {
    const messages = [this.#message(ELEMENTS, Type.DELSETELEM, 0, { TABLE: this.#name, SET: set })];
    for (let at = 0; at < elements.length; at += MOST_ELEMENTS) {
      const some = elements.slice(at, at + MOST_ELEMENTS);
      const ELEM = some.map(({ key, value }) => ({
        KEY: { VALUE: key },
        DATA: value === undefined ? undefined : { VALUE: value },
      }));
      messages.push(
        this.#message(ELEMENTS, Type.NEWSETELEM, NlmFlag.CREATE, { TABLE: this.#name, SET: set, ELEMENTS: { ELEM } }),
      );
    }
    return messages;
  }

  #message<D extends Declarations>(
    type: AttributeSet<D>,
    number: number,
    flags: number,
    values: AttributesOf<D>,
  ): Buffer {
    return this.#encode(type, number, NlmFlag.ACK | flags, values);
  }

  #encode<D extends Declarations>(
    type: AttributeSet<D>,
    number: number,
    flags: number,
    values: AttributesOf<D>,
  ): Buffer {
    const header = { family: this.#family, version: 0, resource: 0 };
    const full = { header: GENERIC, attributes: type };
    return encode(full, typeOf(number), NlmFlag.REQUEST | flags, { header, attributes: values });
  }
}

/** The number of a type of messages, as netlink has it for all subsystems. */
function typeOf(number: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | number;
}

/** The packets that the counters of a rule have counted; 0 for a message that is no rule. */
export function countedBy(message: Message): number {
  if (message.type !== typeOf(Type.NEWRULE)) return 0;
  const { EXPRESSIONS: list } = decode({ header: GENERIC, attributes: RULE }, message).attributes;
  return packetsCounted(list?.ELEM ?? []);
}

function typeNumber(types: readonly ElementType[]): number {
  return types.reduce((number, type) => (number << TYPE_BITS) | TYPES[type][0], 0);
}

/** Several values begin in a register each. */
function bytesOf(types: readonly ElementType[]): number {
  const sizes = types.map((type) => TYPES[type][1]);
  const [only] = sizes;
  if (only !== undefined && sizes.length === 1) return only;
  return sizes.reduce((sum, size) => sum + Math.ceil(size / REGISTER_BYTES) * REGISTER_BYTES, 0);
}

/** A batch takes effect as a whole: its messages between two that mark it. */
export function batch(messages: readonly Buffer[]): Buffer[] {
  const header = { family: 0, version: 0, resource: NFNL_SUBSYS_NFTABLES };
  const mark = (type: number): Buffer =>
    encode({ header: GENERIC, attributes: BATCH }, type, NlmFlag.REQUEST, { header, attributes: {} });
  return [mark(NFNL_MSG_BATCH_BEGIN), ...messages, mark(NFNL_MSG_BATCH_END)];
}
