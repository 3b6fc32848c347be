/** Bytes that callers give. They are copied once, so that the bytes that were checked are the bytes that are used. */
import { types } from 'node:util';
import { invalidType, invalidValue } from './validate';

/** Bytes: a typed array such as a Buffer, a DataView, or the buffer of one of these, shared or not. */
export type Bytes = ArrayBufferView | ArrayBufferLike;

/** The words for bytes in an error message. */
export const BYTES = 'an ArrayBuffer, a SharedArrayBuffer, or a view of one such as Buffer or Uint8Array';

/** Getters of the language itself: an object can have properties of its own with the same names. */
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
const ofTypedArray = {
  at: Reflect.get(TYPED_ARRAY, 'at') as (this: unknown, index: number) => unknown,
  buffer: getterOf(TYPED_ARRAY, 'buffer'),
  byteOffset: getterOf(TYPED_ARRAY, 'byteOffset'),
  byteLength: getterOf(TYPED_ARRAY, 'byteLength'),
};
const ofDataView = {
  buffer: getterOf(DataView.prototype, 'buffer'),
  byteOffset: getterOf(DataView.prototype, 'byteOffset'),
  byteLength: getterOf(DataView.prototype, 'byteLength'),
};

/** True for a buffer or a view of one, of every kind and from every realm. */
export function isBytes(value: unknown): value is Bytes {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/**
 * A copy, taken at once: a shared buffer may change at any time, and any other buffer when JavaScript runs again.
 *
 * @param most - how many bytes it may have. Default: any number
 * @throws TypeError for what is no bytes, for a buffer that has been detached, and for a view that its buffer has
 *   become too small for
 */
export function copyBytes(name: string, value: unknown, most = Infinity): Buffer {
  if (!isBytes(value)) throw invalidType(name, BYTES, value, copyBytes);
  const bytes = bytesOf(value);
  if (bytes === undefined) throw invalidValue(name, value, 'has no bytes any more: its buffer was detached', copyBytes);
  if (bytes.length > most) throw invalidValue(name, value, `must have at most ${most} bytes`, copyBytes);
  return Buffer.from(bytes);
}

/** Text as it is, or a copy of bytes: see {@link copyBytes}. */
export function copyText(name: string, value: unknown, most = Infinity): string | Buffer {
  if (typeof value !== 'string') {
    if (!isBytes(value)) throw invalidType(name, `of type string or ${BYTES}`, value, copyText);
    return copyBytes(name, value, most);
  }
  if (Buffer.byteLength(value) > most) throw invalidValue(name, value, `must have at most ${most} bytes`, copyText);
  return value;
}

/** The bytes in the same memory; undefined where the memory is gone. */
function bytesOf(value: Bytes): Uint8Array | undefined {
  try {
    if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
    const get = types.isTypedArray(value) ? ofTypedArray : ofDataView;
    // The other getters return 0 for an array whose memory is gone, and this call throws. A DataView's getters throw.
    if (get === ofTypedArray) ofTypedArray.at.call(value, 0);
    return new Uint8Array(
      get.buffer(value) as ArrayBufferLike,
      get.byteOffset(value) as number,
      get.byteLength(value) as number,
    );
  } catch {
    return undefined;
  }
}

function getterOf(prototype: object, name: string): (of: unknown) => unknown {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  return (of) => descriptor?.get?.call(of) as unknown;
}
