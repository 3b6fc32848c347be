/**
 * The checks that every public function makes on its arguments before it starts anything. They throw the same errors as
 * Node's own functions: the same classes, codes and wording (`lib/internal/errors.js` of Node).
 *
 * None of them uses `instanceof`: an object may come from another realm (a `vm` context, a Jest test), whose `Array`
 * and `URL` are other ones than ours.
 */
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { nearest } from './nearest';

/** The codes that these checks throw with. */
export type ArgumentErrorCode = 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE' | 'ERR_OUT_OF_RANGE';

/** The error that a bad argument throws: a `TypeError` or `RangeError` with one of Node's codes. */
export type ArgumentError = (TypeError | RangeError) & { code: ArgumentErrorCode };

type Checker = (name: string, ...rest: never[]) => unknown;

/** File descriptors, process ids and their like are the kernel's `int`. */
const INT_MAX = 2 ** 31 - 1;

/** An argument of the wrong type: `invalidType('options.uid', 'of type number', 'x')`. */
export function invalidType(name: string, expected: string, value: unknown, caller?: Checker): ArgumentError {
  const text = `The ${subject(name, '"')} must be ${expected}. Received ${received(value)}`;
  return coded(new TypeError(text), 'ERR_INVALID_ARG_TYPE', caller ?? invalidType);
}

/** An argument of the right type whose value makes no sense: `invalidValue('kind', value, 'must be …')`. */
export function invalidValue(name: string, value: unknown, reason: string, caller?: Checker): ArgumentError {
  const shown = display(value);
  const short = shown.length > 128 ? `${shown.slice(0, 128)}...` : shown;
  const text = `The ${subject(name, "'", true)} ${reason}. Received ${short}`;
  return coded(new TypeError(text), 'ERR_INVALID_ARG_VALUE', caller ?? invalidValue);
}

/** A number that is not in its range: `outOfRange('mtu', '>= 68 && <= 65535', 3)`. */
export function outOfRange(name: string, range: string, value: unknown, caller?: Checker): ArgumentError {
  const text = `The value of "${name}" is out of range. It must be ${range}. Received ${digits(value)}`;
  return coded(new RangeError(text), 'ERR_OUT_OF_RANGE', caller ?? outOfRange);
}

/** A string without NUL bytes: the kernel's strings end at the first one, and the rest would be lost silently. */
export function validateString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value, validateString);
  if (value.includes('\0')) throw invalidValue(name, value, 'must be a string without null bytes', validateString);
}

/** An integer between `min` and `max`, both included. */
export function validateInteger(
  name: string,
  value: unknown,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value, validateInteger);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value, validateInteger);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value, validateInteger);
}

/** `true` or `false`, and no other value that is only treated like one. */
export function validateBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value, validateBoolean);
}

/** One of a few known values. */
export function validateOneOf<const T>(name: string, value: unknown, allowed: readonly T[]): asserts value is T {
  if ((allowed as readonly unknown[]).includes(value)) return;
  throw notOneOf(name, value, allowed, validateOneOf);
}

/** The error of a value that is none of the known ones. */
export function notOneOf(
  name: string,
  value: unknown,
  allowed: readonly unknown[],
  caller: Checker = notOneOf,
): ArgumentError {
  const choices = allowed.map((choice) => inspect(choice)).join(', ');
  return invalidValue(name, value, `must be one of: ${choices}${suggestion(value, allowed)}`, caller);
}

/**
 * An array, of any realm. A hole in it is refused: `forEach()` and `map()` skip holes, and so do checks of the items.
 */
export function validateArray(name: string, value: unknown): asserts value is unknown[] {
  if (!Array.isArray(value)) throw invalidType(name, 'an instance of Array', value, validateArray);
  for (let index = 0; index < value.length; index++) {
    if (!(index in value)) throw invalidValue(name, value, `has no item at index ${index}`, validateArray);
  }
}

/**
 * An object with named properties: not `null`, an array or a function. A Map or a Set keeps its contents elsewhere: it
 * would pass for an object without any options, and the options in it would silently not be applied.
 */
export function validateObject(name: string, value: unknown): asserts value is object {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidType(name, 'of type object', value, validateObject);
  }
  if (Symbol.iterator in value) throw invalidType(name, 'an object with named properties', value, validateObject);
}

/**
 * An object whose own enumerable keys are all known. A misspelled option that is silently not applied makes a hole in a
 * sandbox. So it is refused here, with the name of the option that was probably meant.
 */
export function validateKnownKeys(name: string, object: object, keys: readonly string[]): void {
  for (const key of Object.keys(object)) {
    if (keys.includes(key)) continue;
    const hint = suggestion(key, keys) || `, only ${keys.join(', ')}`;
    const reason = `has no property ${inspect(key)}${hint}`;
    throw invalidValue(name, object, reason, validateKnownKeys);
  }
}

/** An `AbortSignal` of any realm or library, recognised as Node does: by having `aborted`. */
export function validateAbortSignal(name: string, value: unknown): asserts value is AbortSignal {
  if (value !== null && typeof value === 'object' && 'aborted' in value) return;
  throw invalidType(name, 'an instance of AbortSignal', value, validateAbortSignal);
}

/** A path given as a string or a `file:` URL. The result is the string. Buffers are not accepted. */
export function validatePath(name: string, value: unknown): string {
  const path = isUrl(value) ? pathOfUrl(name, value) : value;
  if (typeof path !== 'string') throw invalidType(name, 'of type string or an instance of URL', value, validatePath);
  if (path === '') throw invalidValue(name, value, 'cannot be empty', validatePath);
  if (path.includes('\0')) throw invalidValue(name, value, 'must be a string or URL without null bytes', validatePath);
  return path;
}

/** A number that can be a file descriptor. Only the kernel can tell whether it is open. */
export function validateFd(name: string, value: unknown): asserts value is number {
  validateInteger(name, value, 0, INT_MAX);
}

/** A number that can be a process id. Only the kernel can tell whether there is such a process. */
export function validatePid(name: string, value: unknown): asserts value is number {
  validateInteger(name, value, 1, INT_MAX);
}

/**
 * True for the values that Node's `isURL` takes for a URL. It asks for properties and for no class, and it is false for
 * the older objects of `url.parse()`.
 */
function isUrl(value: unknown): value is URL {
  if (value === null || typeof value !== 'object') return false;
  const { href, protocol, auth, path } = value as Record<string, unknown>;
  return Boolean(href) && Boolean(protocol) && auth === undefined && path === undefined;
}

function pathOfUrl(name: string, url: URL): string {
  if (url.protocol !== 'file:') throw invalidValue(name, url.href, 'must be a file: URL', validatePath);
  try {
    return fileURLToPath(url);
  } catch {
    // The URL has a host name, or an encoded slash.
    throw invalidValue(name, url.href, 'must be a file: URL of a path on this host', validatePath);
  }
}

/** `"x" argument` or `'options.x' property`. Node puts the noun first in errors about a value: `argument 'x'`. */
function subject(name: string, quote: string, nounFirst = false): string {
  const noun = name.includes('.') ? 'property' : 'argument';
  return nounFirst ? `${noun} ${quote}${name}${quote}` : `${quote}${name}${quote} ${noun}`;
}

/**
 * The text of a value that was given. Inspecting it may throw: by one of its getters, by a Proxy, or for a DataView
 * whose buffer is gone. Options that have been checked have no prototype, which is not the caller's concern.
 */
function display(value: unknown): string {
  try {
    return inspect(value).replaceAll('[Object: null prototype] ', '');
  } catch {
    return `a ${typeof value} that cannot be displayed`;
  }
}

/** The type and value that were given, in the words of Node's `determineSpecificType`. */
function received(value: unknown): string {
  try {
    return specificType(value);
  } catch {
    return display(value);
  }
}

function specificType(value: unknown): string {
  if (value == null) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    const maker: unknown = value.constructor;
    if (typeof maker === 'function' && maker.name !== '') return `an instance of ${maker.name}`;
    return inspect(value, { depth: -1 });
  }
  return `type ${typeof value} (${inspect(typeof value === 'string' ? shortened(value, 28) : value)})`;
}

/** The text, cut to this length. The last three letters of a text that was cut are dots. */
function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}

/** Node writes integers beyond 32 bits with separators: `1_099_511_627_776`. */
function digits(value: unknown): string {
  if (typeof value === 'bigint') return `${value.toString().replace(/\B(?=(\d{3})+$)/g, '_')}n`;
  if (!Number.isInteger(value) || Math.abs(value as number) <= 2 ** 32) return inspect(value);
  return String(value).replace(/\B(?=(\d{3})+$)/g, '_');
}

/** ` (did you mean 'hostname'?)` where an allowed word differs only by a typing mistake. */
export function suggestion(value: unknown, allowed: readonly unknown[]): string {
  if (typeof value !== 'string') return '';
  const words = allowed.filter((candidate) => typeof candidate === 'string');
  const index = nearest(
    value.toLowerCase(),
    words.map((word) => word.toLowerCase()),
  );
  return index === -1 ? '' : ` (did you mean ${inspect(words[index])}?)`;
}

/**
 * Gives the error Node's `code`, and a stack that begins with that (`TypeError [CODE]: …`) and with the place of the
 * call.
 */
function coded(error: TypeError | RangeError, code: ArgumentErrorCode, caller: Checker): ArgumentError {
  Object.defineProperty(error, 'name', { value: `${error.name} [${code}]`, configurable: true });
  Error.captureStackTrace(error, caller);
  // V8 writes the first line when the stack is first read. It is read here, while the name has the code in it.
  if (error.stack !== undefined) Reflect.deleteProperty(error, 'name');
  return Object.assign(error, { code });
}
