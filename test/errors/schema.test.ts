/** A schema checks an object of options: which there are, each of them once, and nothing is left to be forgotten. */
import { runInNewContext } from 'node:vm';
import { NO_OPTIONS, withoutPrototype } from '../../lib/errors/plain';
import {
  boolean,
  chosenBy,
  integer,
  list,
  oneOf,
  orNull,
  required,
  schema,
  schemaOf,
  string,
  without,
} from '../../lib/errors/schema';

interface Vessel {
  name: string;
  size?: number | undefined;
  sails?: boolean | undefined;
  flags?: readonly ('red' | 'green')[] | undefined;
  boat?: { oars?: number | undefined } | undefined;
}

const boat = schema<NonNullable<Vessel['boat']>>()({ oars: integer(0, 8) });

const parse = schema<Vessel>()({
  name: required(string),
  size: integer(1, 400),
  sails: boolean,
  flags: list(oneOf(['red', 'green'])),
  boat,
});

test('the result has what was given, and only that', () => {
  const given: Vessel = { name: 'Argo', size: 40, sails: undefined, flags: ['red'], boat: { oars: 2 } };
  const parsed: Vessel = parse('vessel', given);
  expect(parsed).toEqual({ name: 'Argo', size: 40, flags: ['red'], boat: { oars: 2 } });
  expect(Object.keys(parsed)).not.toContain('sails');
  expect(parsed.flags).not.toBe(given.flags);
  expect(parsed.boat).not.toBe(given.boat);
});

test.each<[message: string, code: string, given: unknown]>([
  ['The "vessel" argument must be of type object. Received null', 'ERR_INVALID_ARG_TYPE', null],
  ['The "vessel" argument must be an object with named properties', 'ERR_INVALID_ARG_TYPE', new Map()],
  ['The "vessel.name" property must be of type string. Received undefined', 'ERR_INVALID_ARG_TYPE', {}],
  [`The argument 'vessel' has no property 'sise' (did you mean 'size'?)`, 'ERR_INVALID_ARG_VALUE', { sise: 1 }],
  [
    `has no property 'colour', only name, size, sails, flags, boat`,
    'ERR_INVALID_ARG_VALUE',
    { name: 'Argo', colour: 1 },
  ],
  ['The value of "vessel.size" is out of range', 'ERR_OUT_OF_RANGE', { name: 'Argo', size: 401 }],
  ['"vessel.sails" property must be of type boolean', 'ERR_INVALID_ARG_TYPE', { name: 'Argo', sails: 1 }],
  [
    `'vessel.flags[1]' must be one of: 'red', 'green'`,
    'ERR_INVALID_ARG_VALUE',
    { name: 'Argo', flags: ['red', 'blue'] },
  ],
  ['has no item at index 0', 'ERR_INVALID_ARG_VALUE', { name: 'Argo', flags: new Array(1) }],
  ['"vessel.boat.oars"', 'ERR_OUT_OF_RANGE', { name: 'Argo', boat: { oars: 9 } }],
])('%s: %s', (message, code, given) => {
  expect(() => parse('vessel', given)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error,
  );
});

/** Counts how often each property is read, in depth. */
function counted(value: unknown, reads: Map<string, number>, path = ''): unknown {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, {
    get(target, key): unknown {
      const at = `${path}.${String(key)}`;
      if (typeof key === 'string' && key !== 'length') reads.set(at, (reads.get(at) ?? 0) + 1);
      return counted(Reflect.get(target, key), reads, at);
    },
  });
}

test('each property is read exactly once, in depth', () => {
  const reads = new Map<string, number>();
  const given = { name: 'Argo', size: 40, flags: ['red', 'green'], boat: { oars: 2 } };
  expect(parse('vessel', counted(given, reads))).toEqual(given);
  expect(reads.size).toBe(7);
  expect([...reads.values()].every((count) => count === 1)).toBe(true);
});

test('properties of a class and its ancestors count', () => {
  class Boat {
    readonly #name = 'Argo';
    get name(): string {
      return this.#name;
    }
  }
  class Ship extends Boat {
    size = 40;
  }
  expect(parse('vessel', new Ship())).toEqual({ name: 'Argo', size: 40 });
  const own = { name: 'Argo', size: 40 };
  expect(parse('vessel', Object.create(own))).toEqual(own);
  expect(parse('vessel', Object.assign(Object.create(null) as object, own))).toEqual(own);
});

test('properties of Object.prototype do not count, in this realm and in another', () => {
  const polluted = { sails: true, name: 'Flying Dutchman', oars: 3 };
  const other: unknown = runInNewContext('Object.assign(Object.prototype, given); ({ size: 40, boat: {} })', {
    given: polluted,
  });
  expect(() => parse('vessel', other)).toThrow('"vessel.name" property must be of type string. Received undefined');
  Object.defineProperties(Object.prototype, {
    sails: { value: true, configurable: true },
    oars: { value: 3, configurable: true },
  });
  try {
    const parsed = parse('vessel', { name: 'Argo', boat: {} });
    expect(parsed.sails).toBeUndefined();
    expect(parsed.boat?.oars).toBeUndefined();
    expect(withoutPrototype(parsed, { size: 3 }).sails).toBeUndefined();
    expect(NO_OPTIONS).not.toHaveProperty('sails');
  } finally {
    for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
  }
});

test('null is not given where Node takes it so', () => {
  const nullable = schema<{ size?: number | null | undefined }>()({ size: orNull(integer(1, 400)) });
  const parsed = nullable('vessel', { size: null });
  expect(Object.keys(parsed)).toEqual([]);
  expect(() => nullable('vessel', { size: 0 })).toThrow(RangeError);
});

describe('one property says which the others are', () => {
  const common = { what: oneOf(['ship', 'raft']) };
  const either = chosenBy<object>('what', {
    ship: schemaOf({ ...common, sails: boolean }),
    raft: schemaOf({ ...common, logs: required(integer(1, 9), 'must be given for a raft') }),
  });

  test('and is read once', () => {
    const reads = new Map<string, number>();
    expect(either('it', counted({ what: 'raft', logs: 3 }, reads))).toEqual({ what: 'raft', logs: 3 });
    expect(reads.get('.what')).toBe(1);
  });

  test.each([
    [`'it.what' must be one of: 'ship', 'raft'`, {}],
    [`'it.what' must be one of: 'ship', 'raft' (did you mean 'raft'?)`, { what: 'rafd' }],
    [`'it' has no property 'waht' (did you mean 'what'?)`, { waht: 'ship' }],
    [`'it' has no property 'logs'`, { what: 'ship', logs: 3 }],
    [`'it.logs' must be given for a raft. Received undefined`, { what: 'raft' }],
  ])('%s', (message, given) => {
    expect(() => either('it', given)).toThrow(message);
  });

  test('unless it may be missing', () => {
    const optional = chosenBy<object>('what', { ship: schemaOf(common) }, schemaOf({ size: integer(1, 9) }));
    expect(optional('it', { size: 3 })).toEqual({ size: 3 });
  });
});

test('some of the options can be left out', () => {
  const rest = schemaOf(without(parse.checks, 'boat', 'flags'));
  expect(rest.keys).toEqual(['name', 'size', 'sails']);
  expect(() => rest('vessel', { name: 'Argo', boat: {} })).toThrow(`has no property 'boat'`);
});

/** Compiled, and not run: `npm run lint:types` checks that each of these is an error. */
export function forgotten(): void {
  // @ts-expect-error -- the interface has more options than are checked
  schema<Vessel>()({ name: required(string), size: integer(1, 400), sails: boolean, boat });
  // @ts-expect-error -- a check of an option that the interface does not have
  schema<{ size?: number }>()({ size: integer(1, 400), sise: integer(1, 400) });
  // @ts-expect-error -- the interface requires it
  schema<{ size: number }>()({ size: integer(1, 400) });
  // @ts-expect-error -- the result has another type than the interface
  integer(schema<{ size?: number }>()({ size: string })('it', {}).size ?? 0, 1);
}
