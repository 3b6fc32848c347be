import { validateKnownKeys, validateObject } from './validate';

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

/**
 * The same of options whose names are known: those that are there, each read once, also where they are properties of a
 * class's instance or of its prototype. Their values are still to be checked.
 */
export function plainOptions<T extends object>(name: string, given: T, keys: readonly string[]): T;
export function plainOptions(name: string, given: unknown, keys: readonly string[]): Record<string, unknown>;
export function plainOptions(name: string, given: unknown, keys: readonly string[]): object {
  validateObject(name, given);
  validateKnownKeys(name, given, keys);
  const copies = new Map<object, object>();
  const present = keys.filter((key) => key in given);
  return Object.fromEntries(present.map((key) => [key, copy((given as Record<string, unknown>)[key], copies)]));
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
  const result = {};
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
