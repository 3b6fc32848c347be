/** What a sandbox needs for a policy of egress: the check of it, and the files by which programs find the name server. */
import { invalidType } from '../errors/validate';
import { MOUNT_ATTR } from '../kernel/mount-flags';
import { isNamespace } from '../namespace/namespace';
import type * as policies from '../network/egress/policy/policy';
import type { Policy } from '../network/egress/policy/policy';
import { PLACE } from '../plan/place';
import { makeStep } from '../plan/step';
import { NO_DEVICES, type Piece } from './piece';

/** Checks a policy. The code for it is loaded with the first one. */
export function parsePolicy(name: string, value: object): Policy {
  if ('net' in value) throw invalidType(name, "a Namespace: the 'net' of that set", value);
  const { Policy: Class } = require('../network/egress/policy/policy') as typeof policies;
  return Class.of(name, value);
}

/** True for a network that is a policy. */
export function isPolicy(network: unknown): network is Policy {
  return typeof network === 'object' && network !== null && !isNamespace(network);
}

/**
 * The name server of every egress answers at each address. Programs without a resolv.conf ask this one, so that nothing
 * is missing where the file cannot be made: resolv.conf(5).
 */
const RESOLV_CONF = '/etc/resolv.conf';
const NAME_SERVER = 'nameserver 127.0.0.1\n';

const READABLE = 0o644;

/**
 * The piece that mounts a resolv.conf over the one of the root, or over what a link with that name leads to. No search
 * domain of this host is in it: each would be a name more that is asked for.
 *
 * @param missing - true makes the file where there is none
 */
export function resolverPiece(missing: boolean): Piece {
  const step = makeStep('data', {
    target: RESOLV_CONF,
    mode: READABLE,
    contents: NAME_SERVER,
    attributes: NO_DEVICES | MOUNT_ATTR.RDONLY,
    flags: missing ? 0 : PLACE.OPTIONAL,
  });
  return { label: `network: mount file ${RESOLV_CONF}`, steps: () => [step] };
}

/** True for an entry that takes the place of the piece above. */
export function isResolver({ isOwnFile, target }: { isOwnFile: boolean; target: string }): boolean {
  return isOwnFile && target === RESOLV_CONF;
}
