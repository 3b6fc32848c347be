/** Rules of nf_tables that give connections to all addresses to one listener: "transparent proxy" in the kernel's docs. */
import { type Expression, compare, load, meta, payload, proxy } from '../../nftables/expressions';
import { Table } from '../../nftables/messages';
import type { PortRange, Ports } from '../policy/ports';

const NAME = 'egress';
const CHAIN = 'prerouting';
/** NF_IP_PRI_MANGLE */
const MANGLE = -150;

const SCRATCH = 0;

const [IPV4, IPV6, TCP] = [Uint8Array.of(2), Uint8Array.of(10), Uint8Array.of(6)];
/** 127.0.0.0/8 by its first byte, and ::1. */
const LOOPBACK4 = Uint8Array.of(127);
const LOOPBACK6 = Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? 1 : 0));
const DNS: PortRange = { from: 53, to: 53 };

/**
 * The messages that make the rules. Connections to the loopback are left alone, but for those to a name server, for
 * which programs may have 127.0.0.53 in their files.
 *
 * @param listener - the port of the listener, whose socket is transparent
 * @param ports - those to take connections to
 */
export function proxyRules(listener: number, ports: Ports): Buffer[] {
  const table = new Table('inet', NAME);
  const isTcp = [meta('transport', SCRATCH), compare(SCRATCH, 'equal', TCP)];
  const take = [load(portBytes(listener), SCRATCH), proxy(SCRATCH)];
  const rules = [
    [...isTcp, ...isPort(DNS), ...take],
    ...ports.flatMap((range) =>
      [leadsAway(IPV4, 16, LOOPBACK4), leadsAway(IPV6, 24, LOOPBACK6)].map((away) => [
        ...[...isTcp, ...away, ...isPort(range), ...take],
      ]),
    ),
  ];
  return [
    table.create(true), // a network has one egress
    table.addChain(CHAIN, { type: 'filter', hook: 'prerouting', priority: MANGLE }),
    ...rules.map((rule) => table.addRule(CHAIN, rule)),
  ];
}

/** The messages that remove the rules. */
export function noRules(): Buffer[] {
  return [new Table('inet', NAME).delete()];
}

/** Holds for packets of a family whose destination, which is at that offset of the header, does not begin like that. */
function leadsAway(family: Uint8Array, offset: number, loopback: Uint8Array): Expression[] {
  return [
    ...[meta('family', SCRATCH), compare(SCRATCH, 'equal', family)],
    ...[payload('network', offset, loopback.length, SCRATCH), compare(SCRATCH, 'unequal', loopback)],
  ];
}

function isPort({ from, to }: PortRange): Expression[] {
  return [
    payload('transport', 2, 2, SCRATCH),
    ...(from === to
      ? [compare(SCRATCH, 'equal', portBytes(from))]
      : [compare(SCRATCH, 'atLeast', portBytes(from)), compare(SCRATCH, 'atMost', portBytes(to))]),
  ];
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
