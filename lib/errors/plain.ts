/**
 * A copy of options that reads each property once, so that the values that were checked are the values that are used. A
 * getter, a Proxy or an array that changes meanwhile could say one thing to the check, and another to the kernel.
 *
 * Objects and arrays as literals make them are copied, in depth. What has a class (a Namespace, a URL, a stream, an
 * AbortSignal, bytes, a Map) is what it is, and is not copied.
 */
export function plain<T>(value: T): T {
  return copy(value, new Map()) as T;
}

function copy(value: unknown, copies: Map<object, object>): unknown {
  if (value === null || typeof value !== 'object') return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) return copyArray(value, copies);
  return isLiteral(value) ? copyObject(value, copies) : value;
}

/** Holes stay holes: they are for the check to find. */
function copyArray(list: readonly unknown[], copies: Map<object, object>): unknown[] {
  const { length } = list;
  const result = new Array<unknown>(length);
  copies.set(list, result);
  for (let index = 0; index < length; index++) {
    if (index in list) result[index] = copy(list[index], copies);
  }
  return result;
}

/** Properties that are not enumerable as well: an option is not to be lost. */
function copyObject(object: object, copies: Map<object, object>): object {
  const result = Object.create(null) as object;
  copies.set(object, result);
  for (const key of Reflect.ownKeys(object)) {
    const value = copy((object as Record<PropertyKey, unknown>)[key], copies);
    // By assignment a property called `__proto__`, which JSON.parse() makes, would be lost.
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return result;
}

/** Made by a literal, or without a prototype, in whatever realm: above it is nothing that has a prototype. */
function isLiteral(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Reads an option once. Properties that the object has from its class count as well, but those of `Object.prototype` do
 * not: one that some other code has set there would be an option of every call, and open every sandbox.
 */
export function optionOf(given: object, key: string): unknown {
  let owner = given;
  while (!Object.hasOwn(owner, key)) {
    const above = Object.getPrototypeOf(owner) as object | null;
    // The last of the chain is the Object.prototype of some realm.
    if (above === null || Object.getPrototypeOf(above) === null) return undefined;
    owner = above;
  }
  return Reflect.get(owner, key, given);
}

/** One object with the properties of both, and no others: none of `Object.prototype` either. */
export function withoutPrototype<T extends object, const More extends object = object>(
  object: T,
  more?: More,
): T & More {
  return Object.assign(Object.create(null), object, more) as T & More;
}

/** No options. An object literal would have those of `Object.prototype`. */
export const NO_OPTIONS: Readonly<Record<string, never>> = Object.freeze(Object.create(null) as Record<string, never>);
