import { Errno } from '../../kernel/errno';
import { NamespaceError } from '../../errors/namespace-error';
import { explain } from '../../hints/explain';
import { type Acknowledgement, type MessageType, attributeAt } from './netlink-message';
import type { Declarations } from './attributes';

/** The description of a request, for a person. */
export interface RequestDescription {
  /** The action of the request: {@link NamespaceError.step}. */
  step: string;
  /** The operation, for a hint: `'link-add'`, `'route-delete'`. */
  operation: string;
  /** The object of the request, for a hint: the name of a link, the destination of a route. */
  object?: string | undefined;
  /** Further information for a hint: the kind of link. */
  detail?: string | undefined;
}

interface Refused extends RequestDescription {
  bytes: Buffer;
  type: MessageType<unknown, Declarations>;
}

/** A kind of things that the kernel does not have: the name of the things, and of the explanation. */
interface UnknownKind {
  things: string;
  operation: string;
}

/** The kernel's messages for kinds of links and of queueing disciplines that it does not have. */
const UNKNOWN_KINDS: readonly (UnknownKind & { errno: number; begins: string })[] = [
  { errno: Errno.EOPNOTSUPP, begins: 'Unknown device type', things: 'links', operation: 'netlink-link-kind' },
  { errno: Errno.ENOENT, begins: 'Specified qdisc kind is unknown', things: 'qdiscs', operation: 'netlink-qdisc-kind' },
];

function unknownKind({ errno, sentence }: Acknowledgement): UnknownKind | undefined {
  return UNKNOWN_KINDS.find((each) => each.errno === errno && sentence?.startsWith(each.begins) === true);
}

/** The error of a request that the kernel has refused, with the kernel's own message where it has one. */
export function refusedError(request: Refused, refused: Acknowledgement): NamespaceError {
  const { step, operation, object, detail } = request;
  const { errno, sentence, offset, missing } = refused;
  const unknown = unknownKind(refused);
  const attribute = offset === undefined ? undefined : attributeAt(request.type, request.bytes, offset);
  const asked = unknown?.operation ?? `netlink-${operation}`;
  const failure = { operation: asked, errno, syscall: 'sendmsg', path: object, detail };
  const common = {
    syscall: 'sendmsg',
    kind: 'net',
    step,
    kernelMessage: sentence,
    attribute: attribute ?? missingAttribute(request, missing),
    hint: explain(failure),
  } as const;
  if (unknown === undefined) return new NamespaceError({ ...common, errno });
  const message = `${unknown.things} of kind ${detail ?? 'that'} are not supported by this kernel`;
  return new NamespaceError({ ...common, code: 'ERR_LINUX_NS_UNSUPPORTED', message });
}

/** The name of the attribute that is missing. Where it is missing inside another attribute, the name of that one. */
function missingAttribute(request: Refused, missing: Acknowledgement['missing']): string | undefined {
  if (missing === undefined) return undefined;
  if (missing.inside === undefined) return request.type.attributes.nameOf(missing.number);
  return attributeAt(request.type, request.bytes, missing.inside);
}
