import { mapInTurns } from '../../event-loop/turns';
import { plain } from '../../errors/plain';
import { type Check, chosenBy, oneOf, required, schema, schemaOf } from '../../errors/schema';
import { checksOf, encodeOptions } from '../link/kinds/kind';
import { type LinkReference, link } from '../link/link-name';
import { indexOf, namesOf } from '../link/lookup';
import type { Connection } from '../netlink/connection';
import { dump } from '../netlink/dump';
import { NlmFlag, encode } from '../netlink/netlink-message';
import { QDISCS, QDISC_KINDS, type QdiscKind, type QdiscKindOptions, handle } from './kinds';
import { type Qdisc, qdiscOf } from './qdisc';
import { INGRESS, QDISC, type QdiscMessage, ROOT, RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC } from './qdisc-message';

/** Options of {@link Qdiscs.list}. */
export interface QdiscFilter {
  /** Only those of this link. */
  link?: LinkReference | undefined;
}

/** The place of a queueing discipline. One of a list is such a place, too. */
export interface QdiscPlace {
  /** The link. */
  link: LinkReference;
  /**
   * The place on that link: `'root'` for all packets that leave, `'ingress'` for those that come in, or a class such as
   * `'1:10'`. Default: `'root'`.
   */
  parent?: string | undefined;
}

/** A queueing discipline to add: its place, and the options of its kind. */
export type QdiscSpec = QdiscPlace & {
  /** Its handle, in hexadecimal digits: `'1:'`. Default: the next that is free. */
  handle?: string | undefined;
} & { [K in QdiscKind]: { kind: K } & QdiscKindOptions[K] }[QdiscKind];

const FILTER = schema<QdiscFilter>()({ link });

const parent: Check<number> = (name, value) => {
  if (value === 'root') return ROOT;
  return value === 'ingress' ? INGRESS : handle(name, value);
};

const COMMON = { kind: oneOf(QDISC_KINDS), link: required(link), parent, handle };

/** The qdiscs that have only one place: that of filters. */
const AT_INGRESS: readonly QdiscKind[] = ['ingress', 'clsact'];
const INGRESS_HANDLE = 0xffff0000;

const SPECS = Object.fromEntries(
  QDISC_KINDS.map((kind) => {
    const { parent: _, handle: __, ...fixed } = COMMON;
    const common = AT_INGRESS.includes(kind) ? fixed : COMMON;
    return [kind, schemaOf({ ...common, ...checksOf(QDISCS[kind], kind) })];
  }),
);

const parseKind = chosenBy<object>('kind', SPECS);

interface CheckedQdisc {
  kind: QdiscKind;
  link: LinkReference;
  parent?: number;
  handle?: number;
}

function parseSpec(name: string, given: unknown): CheckedQdisc {
  const spec = parseKind(name, given) as CheckedQdisc;
  QDISCS[spec.kind].validate?.(name, spec as unknown as Record<string, unknown>);
  return spec;
}

const CHANGE = NlmFlag.REQUEST | NlmFlag.ACK;
const ANY: QdiscMessage['header'] = { family: 0, pad: undefined, index: 0, handle: 0, parent: 0, info: 0 };

/**
 * Queueing disciplines of links: `tc qdisc`, tc(8). They decide which packets of a link wait, go or are dropped.
 *
 * To list them needs no privilege; to change them needs CAP_NET_ADMIN in the user namespace that owns the network
 * namespace.
 */
export class Qdiscs {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Lists queueing disciplines with their statistics: `tc -s qdisc show`.
   *
   * @throws NamespaceError `ENODEV` when there is no such link
   */
  async list(filter: QdiscFilter = {}): Promise<Qdisc[]> {
    const { link: of } = FILTER('filter', filter);
    const wanted = of === undefined ? undefined : await indexOf(this.#connection, of);
    const all = await dump(this.#connection, {
      bytes: encode(QDISC, RTM_GETQDISC, NlmFlag.REQUEST | NlmFlag.DUMP, { header: ANY, attributes: {} }),
      type: QDISC,
      step: 'list qdiscs',
      operation: 'qdisc-list',
    });
    const messages = all.filter(({ header }) => wanted === undefined || header.index === wanted);
    const nameOf = await namesOf(this.#connection, new Set(messages.map(({ header }) => header.index)));
    return mapInTurns(messages, (message) => qdiscOf(message, nameOf));
  }

  /**
   * Adds a queueing discipline: `tc qdisc add`. Without a handle newer kernels put it in the place of another one, as
   * {@link Qdiscs.replace} does.
   *
   * @throws NamespaceError `EEXIST` when there is one at that place, `ENODEV`, `ENOENT` when there is no such class;
   * `ERR_LINUX_NS_UNSUPPORTED` when this kernel does not have the kind
   *
   * @example
   * ```ts
   * await network.qdisc.add({ link: 'veth0', kind: 'tbf', rate: '10mbit', burst: 16384, latency: 50 });
   * await network.qdisc.add({ link: 'veth1', kind: 'netem', delay: 40, jitter: 5, loss: 0.01 });
   * ```
   */
  async add(qdisc: QdiscSpec): Promise<void> {
    await this.#set('add', NlmFlag.CREATE | NlmFlag.EXCL, parseSpec('qdisc', plain(qdisc)));
  }

  /**
   * Adds a queueing discipline, or puts it in the place of the one that is there: `tc qdisc replace`. One of the same kind
   * and handle is changed, and keeps what waits in it.
   *
   * @throws NamespaceError as {@link Qdiscs.add}, but not `EEXIST`
   */
  async replace(qdisc: QdiscSpec): Promise<void> {
    await this.#set('replace', NlmFlag.CREATE | NlmFlag.REPLACE, parseSpec('qdisc', plain(qdisc)));
  }

  /**
   * Deletes the queueing discipline at a place, with those below it: `tc qdisc delete`. At the root of a link the kernel
   * then puts its own.
   *
   * @throws NamespaceError `ENOENT` or `EINVAL` when there is none but the kernel's own, `ENODEV`
   */
  async delete(place: QdiscPlace | Qdisc): Promise<void> {
    const given = plain(place);
    const of = link('place.link', 'index' in given ? given.index : given.link);
    const at = parent('place.parent', given.parent ?? 'root');
    await this.#connection.request({
      bytes: encode(QDISC, RTM_DELQDISC, CHANGE, {
        header: { ...ANY, index: await indexOf(this.#connection, of), parent: at },
        attributes: {},
      }),
      type: QDISC,
      step: `delete qdisc of ${given.link}`,
      operation: 'qdisc-delete',
      object: String(given.link),
    });
  }

  async #set(what: 'add' | 'replace', flags: number, spec: CheckedQdisc): Promise<void> {
    const { kind } = spec;
    const isIngress = AT_INGRESS.includes(kind);
    await this.#connection.request({
      bytes: encode(QDISC, RTM_NEWQDISC, CHANGE | flags, {
        header: {
          ...ANY,
          index: await indexOf(this.#connection, spec.link),
          parent: isIngress ? INGRESS : (spec.parent ?? ROOT),
          handle: isIngress ? INGRESS_HANDLE : (spec.handle ?? 0),
        },
        attributes: { KIND: kind, OPTIONS: encodeOptions(QDISCS[kind], spec, {}) },
      }),
      type: QDISC,
      step: `${what} qdisc ${kind} of ${spec.link}`,
      operation: `qdisc-${what}`,
      object: String(spec.link),
      detail: kind,
    });
  }
}
