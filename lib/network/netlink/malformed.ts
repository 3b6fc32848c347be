import { NamespaceError } from '../../errors/namespace-error';

/** The error of a message that does not follow its protocol. */
export function malformed(what: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_MALFORMED_MESSAGE',
    message: `A netlink message is malformed: ${what}`,
    kind: 'net',
  });
}
