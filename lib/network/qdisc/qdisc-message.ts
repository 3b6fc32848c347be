/** RTM_NEWQDISC and the messages like it: `struct tcmsg` and TCA_* of `<linux/rtnetlink.h>`, `<linux/gen_stats.h>`. */
import { attributes } from '../netlink/attributes';
import { type Type, type ValueOf, pad, s32, string, struct, u32, u64, u8 } from '../netlink/types';
import { qdiscNamed } from './kinds';

export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_GETQDISC = 38;

/** TC_H_ROOT and TC_H_INGRESS of `<linux/pkt_sched.h>`: where a qdisc is that no class has. */
export const ROOT = 0xffffffff;
export const INGRESS = 0xfffffff1;

const TCMSG = struct({ family: u8, pad: pad(3), index: s32, handle: u32, parent: u32, info: u32 });

/** TCA_OPTIONS, which depend on the kind. */
const options: Type<Record<string, unknown> | undefined> = {
  decode: (bytes, from, to, siblings) => setOf(siblings.KIND)?.decode(bytes, from, to, siblings),
  encode: (writer, values, siblings) => setOf(siblings.KIND)?.encode(writer, values ?? {}, siblings),
};

function setOf(kind: unknown) {
  return typeof kind === 'string' ? qdiscNamed(kind)?.attributes : undefined;
}

const STATS = attributes('TCA_STATS_', {
  BASIC: [1, struct({ bytes: u64, packets: u32 })],
  QUEUE: [3, struct({ queueLength: u32, backlog: u32, drops: u32, requeues: u32, overlimits: u32 })],
  PKT64: [8, u64],
});

export const QDISC = {
  header: TCMSG,
  attributes: attributes('TCA_', { KIND: [1, string], OPTIONS: [2, options], STATS2: [7, STATS] }),
};

export interface QdiscMessage {
  header: ValueOf<typeof TCMSG>;
  attributes: ValueOf<typeof QDISC.attributes>;
}
