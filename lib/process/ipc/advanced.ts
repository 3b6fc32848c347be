/**
 * Messages in the form that Node writes between processes for the structured clone algorithm
 * (lib/internal/child_process/serialization.js): four bytes of length, big endian, then the output of a v8.Serializer.
 * Objects that V8 does not know have a tag before them: one tag for typed arrays and Buffers, the other for all other
 * objects, which are written as their own properties.
 */
import { DefaultDeserializer, DefaultSerializer } from 'node:v8';
import { type Codec, tooLarge } from './codec';

const LENGTH_BYTES = 4;

const Tag = { ARRAY_BUFFER_VIEW: 0, OTHER: 1 } as const;

/** A method that Node documents for v8.DefaultSerializer, and that its types do not have. */
interface WritesHostObjects {
  _writeHostObject(object: object): unknown;
}

interface ReadsHostObjects {
  _readHostObject(): unknown;
}

const BaseSerializer = DefaultSerializer as new () => DefaultSerializer & WritesHostObjects;
const BaseDeserializer = DefaultDeserializer as new (bytes: Uint8Array) => DefaultDeserializer & ReadsHostObjects;

class MessageSerializer extends BaseSerializer {
  override _writeHostObject(object: object): unknown {
    if (ArrayBuffer.isView(object)) {
      this.writeUint32(Tag.ARRAY_BUFFER_VIEW);
      return super._writeHostObject(object);
    }
    this.writeUint32(Tag.OTHER);
    this.writeValue({ ...object });
    return undefined;
  }
}

class MessageDeserializer extends BaseDeserializer {
  override _readHostObject(): unknown {
    return this.readUint32() === Tag.ARRAY_BUFFER_VIEW ? super._readHostObject() : (this.readValue() as unknown);
  }
}

/**
 * Writes and reads all values that structured clone can copy: Map, Set, Date, BigInt, Error, typed arrays, circular
 * references.
 */
export class AdvancedCodec implements Codec {
  #chunks: Buffer[] = [];
  #size = 0;
  readonly #most: number;

  /** @param most - the most bytes of a message, without its length */
  constructor(most: number) {
    this.#most = most;
  }

  encode(message: unknown): Uint8Array {
    const serializer = new MessageSerializer();
    serializer.writeRawBytes(Buffer.alloc(LENGTH_BYTES));
    serializer.writeHeader();
    serializer.writeValue(message);
    const bytes = serializer.releaseBuffer();
    bytes.writeUInt32BE(bytes.length - LENGTH_BYTES, 0);
    return bytes;
  }

  *decode(bytes: Uint8Array): Generator {
    // The bytes are copied, as typed arrays of a message refer to the bytes that it was read from.
    this.#chunks.push(Buffer.from(bytes));
    this.#size += bytes.length;
    for (;;) {
      const end = this.#endOfMessage();
      if (end === undefined || this.#size < end) return;
      const all = this.#joined();
      this.#size -= end;
      this.#chunks = this.#size === 0 ? [] : [all.subarray(end)];
      const deserializer = new MessageDeserializer(all.subarray(LENGTH_BYTES, end));
      deserializer.readHeader();
      yield deserializer.readValue();
    }
  }

  /** The number of bytes of the first message, including its length; undefined while it is not known. */
  #endOfMessage(): number | undefined {
    if (this.#size < LENGTH_BYTES) return undefined;
    const [first] = this.#chunks;
    const head = first !== undefined && first.length >= LENGTH_BYTES ? first : this.#joined();
    const size = head.readUInt32BE(0);
    if (size > this.#most) throw tooLarge(this.#most);
    return LENGTH_BYTES + size;
  }

  /**
   * All bytes that have come, in one piece. They are joined once for a message of many chunks: to join them at each
   * chunk would take quadratic time.
   */
  #joined(): Buffer {
    const [first, ...others] = this.#chunks;
    if (first !== undefined && others.length === 0) return first;
    const all = Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [all];
    return all;
  }
}
