/**
 * The schema of an options object: one line for each option, its name and its check. From it follow the names that are
 * known, the checks, and the type of the result.
 *
 * A schema belongs to the interface that callers see: `schema<VlanOptions>()({ … })` does not compile while an option
 * of the interface has no check, or while there is a check of an option that the interface does not have.
 */
import { nearest } from './nearest';
import { NO_OPTIONS, optionOf, plain, withoutPrototype } from './plain';
import {
  invalidType,
  invalidValue,
  notOneOf,
  outOfRange,
  validateAbortSignal,
  validateArray,
  validateBoolean,
  validateFd,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validatePath,
  validateString,
} from './validate';

/** Checks a value that callers know by `name`, and returns what it means. */
export type Check<T> = (name: string, value: unknown) => T;

/** The check of an option that must be given: it is called even if the option is missing, with undefined. */
export type Required<T> = Check<T> & { readonly required: true };

/** A check for each property of an interface. What the interface requires, the check must require. */
export type Checks<Options> = {
  readonly [K in keyof Options]-?: undefined extends Options[K] ? Check<unknown> : Required<unknown>;
};

/**
 * The values that the checks return. An option that is not given, or whose check says that it is not, is missing here,
 * too. The object has no prototype, so that a property of `Object.prototype` is not taken for an option.
 */
export type Checked<C> = {
  -readonly [K in keyof C as C[K] extends Required<unknown> ? K : never]: Result<C[K]>;
} & {
  -readonly [K in keyof C as C[K] extends Required<unknown> ? never : K]?: Exclude<Result<C[K]>, undefined> | undefined;
};

type Result<C> = C extends Check<infer T> ? T : never;

type Bag = Record<string, unknown>;

/** A schema is a check itself, so that one can be a property of another. */
export interface Schema<C> {
  /** @param read - properties that have been read already */
  (name: string, given: unknown, read?: Bag): Checked<C>;
  /** The names of the options. */
  readonly keys: readonly (keyof C & string)[];
  /** The checks, for schemas that have these options and more. */
  readonly checks: C;
}

/** The type of what a schema returns. */
export type Parsed<S> = S extends Schema<infer C> ? Checked<C> : never;

/**
 * Makes the schema of an interface. It is made once, when the module is loaded.
 *
 * Each property of the caller's object is read once, and only the result of the check is kept. A getter or a Proxy could
 * otherwise say one thing to the check and another to the kernel. The properties that count are those of {@link optionOf}.
 */
export function schema<Options>() {
  return <const C extends Checks<Options>>(checks: C & Record<Exclude<keyof C, keyof Options>, never>): Schema<C> =>
    schemaOf(checks as C);
}

/** The schema of checks that belong to interfaces already: several together, or some of them. */
export function schemaOf<C>(checks: C): Schema<C> {
  const entries = Object.entries(checks as Record<string, Check<unknown>>);
  const keys = entries.map(([key]) => key);
  const isRequired = new Set(entries.flatMap(([key, check]) => (Object.hasOwn(check, 'required') ? [key] : [])));
  const parse = (name: string, given: unknown, read: Bag = NO_OPTIONS): Checked<C> => {
    validateObject(name, given);
    validateKnownKeys(name, given, keys);
    const result = withoutPrototype<Bag>({});
    for (const [key, check] of entries) {
      const value = Object.hasOwn(read, key) ? read[key] : optionOf(given, key);
      if (value === undefined && !isRequired.has(key)) continue;
      const checked = check(`${name}.${key}`, value);
      if (checked !== undefined) result[key] = checked;
    }
    return result as Checked<C>;
  };
  return Object.assign(parse, { keys: keys as (keyof C & string)[], checks });
}

/** A schema of which only the result matters. */
export type Parser<T> = (name: string, given: unknown, read?: Bag) => T;

/**
 * A schema that depends on one of the properties, as the options of a link depend on its `kind`.
 *
 * @param otherwise - for objects without that property, if it can be left out
 */
export function chosenBy<T>(
  tag: string,
  schemas: Readonly<Record<string, Parser<T>>>,
  otherwise?: Parser<T>,
): Check<T> {
  const byValue = new Map<unknown, Parser<T>>(Object.entries(schemas));
  if (otherwise !== undefined) byValue.set(undefined, otherwise);
  return (name, given) => {
    validateObject(name, given);
    const value = optionOf(given, tag);
    const parse = byValue.get(value);
    if (parse !== undefined) return parse(name, given, { [tag]: value });
    if (value === undefined) refuseOtherName(name, given, tag);
    throw notOneOf(`${name}.${tag}`, value, Object.keys(schemas));
  };
}

/** Throws if the object has a property that is most likely meant to be this one. */
function refuseOtherName(name: string, given: object, meant: string): void {
  const other = Object.keys(given).find((key) => nearest(key, [meant]) === 0);
  if (other !== undefined) throw invalidValue(name, given, `has no property '${other}' (did you mean '${meant}'?)`);
}

/** The same checks without some of them. */
export function without<C, K extends keyof C>(checks: C, ...names: readonly K[]): Omit<C, K> {
  const rest = Object.entries(checks as object).filter(([key]) => !names.includes(key as K));
  return Object.fromEntries(rest) as Omit<C, K>;
}

/** The option must be given. Without a message, the check itself says what is wrong with undefined. */
export function required<T>(check: Check<T>, message?: string): Required<T> {
  const asked: Check<T> = (name, value) => {
    if (value === undefined && message !== undefined) throw invalidValue(name, value, message);
    return check(name, value);
  };
  return Object.assign(asked, { required: true as const });
}

/** Null means that the option is not given, as in Node's own functions. */
export function orNull<T>(check: Check<T>): Check<T | undefined> {
  return (name, value) => (value === null ? undefined : check(name, value));
}

/** Makes a check of a function that throws or returns nothing. */
export function as<T>(validate: (name: string, value: unknown) => asserts value is T): Check<T> {
  return (name, value) => {
    validate(name, value);
    return value;
  };
}

/** The check of an option that has no effect: a list gives it, and what is listed can be given back. */
export const ignored: Check<undefined> = () => undefined;

export const boolean = as(validateBoolean);
export const string = as(validateString);
export const abortSignal = as(validateAbortSignal);
export const fd = as(validateFd);
export const path: Check<string> = validatePath;

/** A function, whose parameters only its type can say. */
export function callback<F extends (...args: never) => unknown>(): Check<F> {
  return (name, value) => {
    if (typeof value !== 'function') throw invalidType(name, 'of type function', value);
    return value as F;
  };
}

export const encoding: Check<BufferEncoding> = (name, value) => {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  if (Buffer.isEncoding(value)) return value;
  throw invalidValue(name, value, 'is not a known encoding');
};

/** The longest time that setTimeout() accepts, in milliseconds. */
export const MOST_MS = 2 ** 31 - 1;

/** A time in milliseconds that setTimeout() accepts. */
export const milliseconds = integer(0, MOST_MS);

/** The permissions of a file, with the bits for set-user-ID, set-group-ID and sticky. */
export const mode = integer(0, 0o7777);

/** Copies a value that is checked later, together with the options that it depends on. */
export const copied: Check<unknown> = (_, value) => plain(value);

/** An integer between the two, both included. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Check<number> {
  return (name, value) => {
    validateInteger(name, value, min, max);
    return value;
  };
}

/** A number between the two, both included, that need not be whole. */
export function number(min: number, max: number): Check<number> {
  return (name, value) => {
    if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
    if (!(value >= min && value <= max)) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
    return value;
  };
}

export function oneOf<const T>(allowed: readonly T[]): Check<T> {
  return (name, value) => {
    validateOneOf(name, value, allowed);
    return value;
  };
}

/** An array, each item of which is read once. */
export function list<T>(check: Check<T>): Check<T[]> {
  return (name, value) => {
    validateArray(name, value);
    return Array.from({ length: value.length }, (_, index) => check(`${name}[${index}]`, value[index]));
  };
}
