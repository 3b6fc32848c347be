import { NamespaceError } from '../../errors/namespace-error';

/** The error of a message that is not as its protocol says. */
export function malformed(what: string): NamespaceError {
  return new NamespaceError({
    code: 'ERR_LINUX_NS_MALFORMED_MESSAGE',
    message: `A netlink message is malformed: ${what}`,
    kind: 'net',
  });
}
