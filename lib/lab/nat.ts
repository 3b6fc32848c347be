/** Network address translation on a router: the rules, as a script of nft(8). */
/**
 * The way in which a NAT maps the ports of UDP and TCP, and lets packets in: RFC 3489.
 *
 * - `'full-cone'`: a port inside has one mapping for all peers, and every peer can send to it.
 * - `'address-restricted'`: one mapping for all peers; those whose address was sent to can send to it.
 * - `'port-restricted'`: one mapping for all peers; those whose address and port were sent to can send to it.
 * - `'symmetric'`: a mapping for each peer, by a port that nobody can guess; that peer alone can send to it.
 */
export type NatType = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric';

export const NAT_TYPES: readonly NatType[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric'];

export const PROTOCOLS = ['tcp', 'udp'] as const;

/** The side of a NAT that is seen from outside. */
export interface Outside {
  readonly link: string;
  readonly address: string;
}

/** A port outside that leads to a port of a host inside. */
export interface Forward {
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly port: number;
  readonly address: string;
  readonly toPort: number;
}

/** Seconds for which a mapping is kept without traffic: RFC 4787, REQ-5. */
const MAPPING_SECONDS = 300;

/** The ports that the kernel chooses from where it is not to keep the one inside. */
const RANDOM_PORT = 'masquerade to :1024-65535 fully-random';

const TABLE = 'lab';

/**
 * The rules of a NAT for IPv4.
 *
 * The kernel chooses the port outside for the first peer. A chain that sees packets after that writes down which port
 * inside it stands for (`host`, `port`), what port outside that one has (`mapping`), and who was sent to (`peer`). A
 * cone looks there for further peers; the kernel's own choice would be another one where ports collide. A packet that is
 * not let in must leave no connection behind, which would stand in the way of one from inside to the same peer: so it is
 * dropped before the kernel remembers it.
 */
export function natScript(outside: Outside, type: NatType): string {
  const each = (rules: (protocol: string) => readonly string[]): string =>
    PROTOCOLS.flatMap(rules)
      .map((rule) => `    ${rule}\n`)
      .join('');
  const kept = `flags dynamic, timeout; timeout ${MAPPING_SECONDS}s; size 65535;`;
  const [arriving, leaving] = [`iifname "${outside.link}"`, `oifname "${outside.link}"`];
  return `table ip ${TABLE} {
${each((protocol) => [
  `map ${protocol}_host { type inet_service : ipv4_addr; ${kept} }`,
  `map ${protocol}_port { type inet_service : inet_service; ${kept} }`,
  `map ${protocol}_mapping { type ipv4_addr . inet_service : inet_service; ${kept} }`,
  `set ${protocol}_taken { type inet_service; ${kept} }`,
  `set ${protocol}_peer { type inet_service . ipv4_addr; ${kept} }`,
])}
  chain forwards { }
  chain arrive {
    type nat hook prerouting priority dstnat; policy accept;
    ${arriving} jump forwards
${each((protocol) => admitted(type, protocol).map((rule) => `${arriving} ${rule}`))}
  }
  chain refuse {
    type filter hook input priority filter; policy accept;
${each((protocol) => [`${arriving} ct state new ${protocol} dport @${protocol}_taken drop`])}
  }
  chain pass {
    type filter hook forward priority filter; policy accept;
    ${arriving} ct status dnat accept
    ${arriving} ct state new drop
  }
  chain leave {
    type nat hook postrouting priority srcnat; policy accept;
${each((protocol) => mapped(type, protocol, outside.address).map((rule) => `${leaving} ${rule}`))}
    ${leaving} masquerade
  }
  chain remember {
    type filter hook postrouting priority srcnat + 1; policy accept;
${each((protocol) => [`${leaving} ct direction original meta l4proto ${protocol} jump ${protocol}_remember`])}
  }
${PROTOCOLS.map((protocol) => rememberChain(protocol)).join('')}
}
`;
}

/** The rules by which packets of new peers come in. */
function admitted(type: NatType, protocol: string): string[] {
  const inside = `dnat ip to ${protocol} dport map @${protocol}_host : ${protocol} dport map @${protocol}_port`;
  if (type === 'full-cone') return [`meta l4proto ${protocol} ${inside}`];
  if (type === 'address-restricted') return [`${protocol} dport . ip saddr @${protocol}_peer ${inside}`];
  return [];
}

/** The rules by which packets to new peers get their port. */
function mapped(type: NatType, protocol: string, address: string): string[] {
  if (type === 'symmetric') return [`meta l4proto ${protocol} ${RANDOM_PORT}`];
  const mapping = `ip saddr . ${protocol} sport map @${protocol}_mapping`;
  return [
    `meta l4proto ${protocol} snat ip to ${address} : ${mapping}`,
    `${protocol} sport @${protocol}_taken ${RANDOM_PORT}`,
  ];
}

function rememberChain(protocol: string): string {
  const inside = `ct original ip saddr`;
  const [port, insidePort] = [`${protocol} sport`, 'ct original proto-src'];
  const entries = {
    host: `${port} : ${inside}`,
    port: `${port} : ${insidePort}`,
    mapping: `${inside} . ${insidePort} : ${port}`,
    taken: port,
    peer: `${port} . ip daddr`,
  };
  const rules = Object.entries(entries).map(
    ([name, entry]) => `    meta l4proto ${protocol} update @${protocol}_${name} { ${entry} }\n`,
  );
  return `  chain ${protocol}_remember {\n${rules.join('')}  }\n`;
}

/** The rules for IPv6, whatever the type: nothing of what the kernel maps is known to other peers. */
export function natScript6({ link }: Pick<Outside, 'link'>): string {
  return `table ip6 ${TABLE} {
  chain pass {
    type filter hook forward priority filter; policy accept;
    iifname "${link}" ct state new drop
  }
  chain leave {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${link}" masquerade
  }
}
`;
}

/** Replaces the ports that lead inside. */
export function forwardScript(forwards: readonly Forward[]): string {
  const rules = forwards.map(
    ({ protocol, port, address, toPort }) =>
      `add rule ip ${TABLE} forwards ${protocol} dport ${port} dnat to ${address}:${toPort}\n`,
  );
  return `flush chain ip ${TABLE} forwards\n${rules.join('')}`;
}
