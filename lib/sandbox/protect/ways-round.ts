/** Ways round the mounts that protect paths, which are closed where a sandbox has such paths. */
import { invalidValue } from '../../errors/validate';
import type { Capability } from '../../kernel/capabilities';
import type { NamespaceKind } from '../../kernel/namespace-kind';
import type { MountEntry } from '../sandbox-spec';

interface Given {
  readonly mounts?: readonly { readonly type: MountEntry['type'] }[] | undefined;
  readonly capabilities?: readonly Capability[] | undefined;
  readonly disableUserNamespaces?: boolean | undefined;
}

/**
 * Refuses capabilities that lead past the mounts: with CAP_SYS_ADMIN a program can go to a mount namespace in which they
 * are not; with CAP_DAC_READ_SEARCH in the host's user namespace it can open what they cover. open_by_handle_at(2)
 *
 * @param foreign - the kinds of namespace that are not the sandbox's own
 */
export function refuseWaysRound(given: Given, foreign: readonly NamespaceKind[]): void {
  const { capabilities = [] } = given;
  if (!protects(given)) return;
  const ways: Capability[] = foreign.includes('user') ? ['CAP_SYS_ADMIN', 'CAP_DAC_READ_SEARCH'] : ['CAP_SYS_ADMIN'];
  const way = capabilities.find((capability) => ways.includes(capability));
  if (way === undefined) return;
  const reason = `cannot have ${way} with an entry of type 'protect': it leads past the mounts that protect paths`;
  throw invalidValue('spec.capabilities', capabilities, reason);
}

/**
 * True if programs must be kept from mount namespaces of their own by a filter. They have no CAP_SYS_ADMIN, and so can
 * have them only with a user namespace, which the default filter refuses.
 *
 * @param allowed - true if the filter of the sandbox lets programs create user namespaces
 */
export function keepsMountNamespace(given: Given, allowed: boolean): boolean {
  return protects(given) && allowed && given.disableUserNamespaces !== true;
}

function protects({ mounts = [] }: Given): boolean {
  return mounts.some(({ type }) => type === 'protect');
}
