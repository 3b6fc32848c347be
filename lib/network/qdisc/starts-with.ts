import type { AttributeSet, AttributesOf, Declarations } from '../netlink/attributes';
import type { FixedType, Siblings } from '../netlink/types';

type And<K extends string, T, D extends Declarations> = D & Record<K, readonly [number, FixedType<T>]>;

/** A struct with attributes after it, as one set: the struct is in it like an attribute of that name. */
export function startsWith<K extends string, T, D extends Declarations>(
  key: K,
  header: FixedType<T>,
  set: AttributeSet<D>,
): AttributeSet<And<K, T, D>> {
  const all = {
    names: set.names,
    nested: (siblings: Siblings) => set.nested(siblings),
    nameOf: (number: number) => set.nameOf(number),
    pathTo: (bytes: Buffer, from: number, to: number, offset: number) =>
      set.pathTo(bytes, from + header.size, to, offset),
    decode: (bytes: Buffer, from: number, to: number, siblings: Siblings) => ({
      [key]: header.decode(bytes, from, to, siblings),
      ...set.decode(bytes, from + header.size, to, siblings),
    }),
    encode(writer: Parameters<typeof set.encode>[0], values: Record<string, unknown>, siblings: Siblings) {
      const { [key]: first, ...rest } = values;
      header.encode(writer, first as T, siblings);
      set.encode(writer, rest as AttributesOf<D>, siblings);
    },
  };
  return all;
}
