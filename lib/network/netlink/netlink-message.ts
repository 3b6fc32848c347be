/** Messages: `struct nlmsghdr`, and the declaration of the part after it. netlink(7) */
import { type AttributeSet, type AttributesOf, type Declarations, attributes } from './attributes';
import { malformed } from './malformed';
import { type FixedType, s32, string, u32 } from './types';
import { Writer, aligned } from './writer';

/** Flags of a message, NLM_F_*. */
export const NlmFlag = Object.freeze({
  REQUEST: 0x1,
  ACK: 0x4,
  ECHO: 0x8,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  /** In an acknowledgement: it has only the header of the request, and not the whole request. */
  CAPPED: 0x100,
  /** In an acknowledgement: attributes follow. */
  ACK_TLVS: 0x200,
});

/** Types of messages that every protocol has: NLMSG_*. */
export const NlmsgType = Object.freeze({ NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 });

const HEADER = 16;

/** One message among the bytes received. */
export interface Message {
  type: number;
  flags: number;
  sequence: number;
  bytes: Buffer;
  /** The beginning of the part after the header. */
  from: number;
  to: number;
}

/** The messages in the bytes received, one datagram after another. @throws when the lengths in them do not add up */
export function messagesIn(bytes: Buffer): Message[] {
  return [...eachMessage(bytes)];
}

/** Yields the messages of {@link messagesIn} one after another, because there may be tens of thousands. */
export function* eachMessage(bytes: Buffer): Generator<Message, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    const length = left < HEADER ? left : bytes.readUInt32LE(at);
    if (length < HEADER || length > left) throw malformed(`${length} bytes where ${left} are left`);
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      bytes,
      from: at + HEADER,
      to: at + length,
    };
    at += aligned(length);
  }
}

/** A message of a protocol: a struct, then attributes. */
export interface MessageType<H, D extends Declarations> {
  readonly header: FixedType<H>;
  readonly attributes: AttributeSet<D>;
}

/** The values of a message. */
export interface Decoded<H, D extends Declarations> {
  header: H;
  attributes: AttributesOf<D>;
}

export function decode<H, D extends Declarations>(
  type: MessageType<H, D>,
  { bytes, from, to }: Pick<Message, 'bytes' | 'from' | 'to'>,
): Decoded<H, D> {
  const header = type.header.decode(bytes, from, to, {});
  const start = from + aligned(type.header.size);
  return { header, attributes: type.attributes.decode(bytes, start, to, {}) };
}

/** Encodes a whole message. Its header has room for the number that {@link stamp} sets. */
export function encode<H, D extends Declarations>(
  type: MessageType<H, D>,
  number: number,
  flags: number,
  { header, attributes: values }: Decoded<H, D>,
): Buffer {
  const writer = new Writer();
  writer.reserve(HEADER);
  type.header.encode(writer, header, {});
  writer.align();
  type.attributes.encode(writer, values, {});
  const bytes = writer.bytes();
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(number, 4);
  bytes.writeUInt16LE(flags, 6);
  return bytes;
}

/** Gives a message its sequence number. */
export function stamp(bytes: Buffer, sequence: number): void {
  bytes.writeUInt32LE(sequence, 8);
}

export function flagsOf(bytes: Buffer): number {
  return bytes.readUInt16LE(6);
}

/** The kernel's name of the attribute at an offset in a message that this process has made. */
export function attributeAt<D extends Declarations>(
  type: MessageType<unknown, D>,
  bytes: Buffer,
  offset: number,
): string | undefined {
  const start = HEADER + aligned(type.header.size);
  return offset < start ? undefined : type.attributes.pathTo(bytes, start, bytes.length, offset);
}

/** The result of a request. */
export interface Acknowledgement {
  /** The error: 0, or a positive errno. */
  errno: number;
  /** The kernel's own message, NLMSGERR_ATTR_MSG. */
  sentence: string | undefined;
  /** The offset in the request of the attribute that the kernel does not accept, NLMSGERR_ATTR_OFFS. */
  offset: number | undefined;
  /**
   * The number of an attribute that is missing, and the offset of the attribute in which it is missing. Since Linux
   * 6.0.
   */
  missing: { number: number; inside: number | undefined } | undefined;
}

/** Attributes of an acknowledgement: NLMSGERR_ATTR_*. */
const ACK_ATTRIBUTES = attributes('NLMSGERR_ATTR_', {
  MSG: [1, string],
  OFFS: [2, u32],
  MISS_TYPE: [5, u32],
  MISS_NEST: [6, u32],
});

/** Reads NLMSG_ERROR, which is also the answer to a successful request, and NLMSG_DONE, the end of a dump. */
export function acknowledgement({ type, flags, bytes, from, to }: Message): Acknowledgement {
  const errno = to - from >= s32.size ? -s32.decode(bytes, from, to, {}) : 0;
  const tlvs = (flags & NlmFlag.ACK_TLVS) === 0 ? undefined : from + (type === NlmsgType.DONE ? 4 : errorSize());
  const { MSG, OFFS, MISS_TYPE, MISS_NEST } = tlvs === undefined ? {} : ACK_ATTRIBUTES.decode(bytes, tlvs, to, {});
  return {
    errno,
    sentence: MSG,
    offset: OFFS,
    missing: MISS_TYPE === undefined ? undefined : { number: MISS_TYPE, inside: MISS_NEST },
  };

  /**
   * The bytes of the error number and of the header of the request. Where the request was refused and the answer is not
   * capped, they are those of the error number and of the whole request.
   */
  function errorSize(): number {
    if (to - from < 4 + HEADER) throw malformed('an acknowledgement without a header');
    const whole = errno !== 0 && (flags & NlmFlag.CAPPED) === 0;
    const length = whole ? bytes.readUInt32LE(from + 4) : HEADER;
    if (length < HEADER || length > to - from - 4) throw malformed(`an acknowledgement of ${length} bytes`);
    return 4 + aligned(length);
  }
}
