import { as, schema } from '../../../errors/schema';
import { attributes } from '../../netlink/attributes';
import type { Siblings, Type, ValueOf } from '../../netlink/types';
import { type NetworkTarget, networkTarget } from '../../place';
import { ANY_LINK, IFINFOMSG, IFLA } from '../ifinfo';
import { validateLinkName } from '../link-name';
import { type LinkSettings, SETTINGS, encodeFlags, encodeSettings, index } from '../settings';
import { type KindOption, linkKind } from './kind';

/** A veth: a pair of connected links. Each end receives the packets that the other sends. veth(4) */
export interface VethOptions {
  /** The other end. Default: one with a name of the kernel's choice, in the same network. */
  peer?: VethPeer | undefined;
}

/** The other end of a veth. */
export interface VethPeer extends LinkSettings {
  /** The name. Default: `veth` and a number, by the kernel. */
  name?: string | undefined;
  /** The index. Default: the next that is free in that namespace. */
  index?: number | undefined;
  /** The namespace to create the other end in. Default: this network. */
  namespace?: NetworkTarget | undefined;
}

const PEER = schema<VethPeer>()({
  name: as(validateLinkName),
  index,
  namespace: networkTarget,
  ...SETTINGS.checks,
});

const PEER_ATTRIBUTES = attributes('IFLA_', IFLA);

/** The message about the other end. */
export interface PeerMessage {
  header: ValueOf<typeof IFINFOMSG>;
  attributes: ValueOf<typeof PEER_ATTRIBUTES>;
}

/** VETH_INFO_PEER: a message about the other end, inside the one about this end. */
const peerMessage: Type<PeerMessage> = {
  decode(from, start, end, siblings: Siblings) {
    const header = IFINFOMSG.decode(from, start, end, siblings);
    return { header, attributes: PEER_ATTRIBUTES.decode(from, start + IFINFOMSG.size, end, {}) };
  },
  encode(writer, { header, attributes: values }) {
    IFINFOMSG.encode(writer, header, {});
    PEER_ATTRIBUTES.encode(writer, values, {});
  },
};

/**
 * The other end. All its settings are in the message that makes this end, but it cannot be brought up by that
 * (ENOTCONN).
 */
const peer: KindOption<VethPeer, { PEER?: PeerMessage | undefined }> = {
  check: PEER,
  encode: (given, { peerNamespace }) => ({
    PEER: {
      header: { ...ANY_LINK, index: given.index ?? 0, ...encodeFlags({ ...given, up: undefined }) },
      attributes: { IFNAME: given.name, ...encodeSettings(given), NET_NS_FD: peerNamespace },
    },
  }),
  describe: () => undefined,
};

export const veth = linkKind<VethOptions>()({
  attributes: attributes('VETH_INFO_', { PEER: [1, peerMessage] }),
  options: { peer },
  fixed: 'all',
});
