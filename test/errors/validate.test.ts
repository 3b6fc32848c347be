import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, readSync } from 'node:fs';
import { types } from 'node:util';
import { runInNewContext } from 'node:vm';
import {
  validateAbortSignal,
  validateArray,
  validateBoolean,
  validateFd,
  validateInteger,
  validateKnownKeys,
  validateObject,
  validateOneOf,
  validatePath,
  validatePid,
  validateString,
} from '../../lib/errors/validate';

interface Thrown extends Error {
  code: string;
}

function thrown(run: () => unknown): Thrown {
  try {
    run();
  } catch (error) {
    return error as Thrown;
  }
  throw new Error('nothing was thrown');
}

describe('the errors', () => {
  it.each<[string, () => unknown, () => unknown]>([
    ['a boolean', () => mkdirSync('/', { recursive: 1 as never }), () => validateBoolean('options.recursive', 1)],
    ['a string', () => spawn(3 as never), () => validateString('file', 3)],
    ['an object', () => spawn('x', [], 3 as never), () => validateObject('options', 3)],
    ['an abort signal', () => spawn('x', [], { signal: 3 as never }), () => validateAbortSignal('options.signal', 3)],
    [
      'one of several',
      () => spawn('x', [], { serialization: 'foo' as never }),
      () => validateOneOf('options.serialization', 'foo', [undefined, 'json', 'advanced']),
    ],
    ['a descriptor', () => readSync('x' as never, Buffer.alloc(1)), () => validateFd('fd', 'x')],
    ['a descriptor in range', () => readSync(-1, Buffer.alloc(1)), () => validateFd('fd', -1)],
    ['an integer', () => readSync(1.5, Buffer.alloc(1)), () => validateFd('fd', 1.5)],
  ])('are those of Node itself for %s', (_, nodes, ours) => {
    const [expected, actual] = [thrown(nodes), thrown(ours)];
    expect(actual.message).toBe(expected.message);
    expect(actual.code).toBe(expected.code);
    expect(actual.name).toBe(expected.name);
  });

  it.each([
    [3],
    ['x'],
    ["it's"],
    ['y'.repeat(99)],
    [10n],
    [Symbol('x')],
    [null],
    [() => 1],
    [new Map()],
    [Object.create(null)],
  ])('say what was given as Node does: %p', (value: unknown) => {
    const expected = thrown(() => mkdirSync('/', { recursive: value } as never)).message;
    expect(thrown(() => validateBoolean('options.recursive', value)).message).toBe(expected);
  });

  it('are real TypeErrors and RangeErrors, whose stack begins with the code and the place of the call', () => {
    const error = thrown(() => validateString('options.cwd', 3));
    expect(types.isNativeError(error)).toBe(true);
    expect(error).toBeInstanceOf(TypeError);
    expect(thrown(() => validatePid('pid', 0))).toBeInstanceOf(RangeError);
    const [first, second] = (error.stack ?? '').split('\n');
    expect(first).toBe(`TypeError [ERR_INVALID_ARG_TYPE]: ${error.message}`);
    expect(second).toContain('validate.test');
  });

  it('tell a property of options from an argument', () => {
    expect(thrown(() => validateString('options.uid', 3)).message).toMatch(/^The "options\.uid" property must/);
    expect(thrown(() => validateString('file', 3)).message).toMatch(/^The "file" argument must/);
    expect(thrown(() => validateOneOf('options.kind', 'x', ['y'])).message).toMatch(/^The property 'options\.kind'/);
  });
});

describe('a string', () => {
  it('may be empty', () => {
    expect(() => validateString('x', '')).not.toThrow();
  });

  it('has no NUL byte, at which the kernel would end it', () => {
    const error = thrown(() => validateString('x', 'a\0b'));
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
    expect(error.message).toBe("The argument 'x' must be a string without null bytes. Received 'a\\x00b'");
  });
});

describe('an integer', () => {
  it('includes both of its bounds', () => {
    expect(() => validateInteger('x', 0, 0, 10)).not.toThrow();
    expect(() => validateInteger('x', 10, 0, 10)).not.toThrow();
  });

  it.each([-1, 11, 2 ** 40])('is refused outside of them: %p', (value) => {
    const error = thrown(() => validateInteger('x', value, 0, 10));
    expect(error.code).toBe('ERR_OUT_OF_RANGE');
    expect(error.message).toMatch(/It must be >= 0 && <= 10\. Received /);
  });

  it.each([NaN, Infinity, 0.5])('is whole: %p', (value) => {
    expect(thrown(() => validateInteger('x', value)).message).toBe(
      `The value of "x" is out of range. It must be an integer. Received ${value}`,
    );
  });

  it('is a number: bigints and digits are not taken', () => {
    expect(thrown(() => validateInteger('x', 1n)).code).toBe('ERR_INVALID_ARG_TYPE');
    expect(thrown(() => validateInteger('x', '1')).code).toBe('ERR_INVALID_ARG_TYPE');
  });

  it('is printed as Node prints large ones', () => {
    expect(thrown(() => validateInteger('x', 2 ** 40, 0, 1)).message).toMatch(/Received 1_099_511_627_776$/);
  });

  it('is positive for a process, and not negative for a descriptor', () => {
    expect(() => validateFd('fd', 0)).not.toThrow();
    expect(thrown(() => validatePid('pid', 0)).message).toContain('>= 1 && <= 2147483647');
    expect(thrown(() => validateFd('fd', 2 ** 31)).message).toContain('>= 0 && <= 2147483647');
  });
});

describe('one of several', () => {
  it('suggests the one that was meant', () => {
    expect(thrown(() => validateOneOf('kind', 'nett', ['mnt', 'net', 'uts'])).message).toBe(
      "The argument 'kind' must be one of: 'mnt', 'net', 'uts' (did you mean 'net'?). Received 'nett'",
    );
  });
});

it.each([
  ['network', 'net'],
  ['mount', 'mnt'],
  ['hostname', 'uts'],
  ['process', 'pid'],
])('a kind that is called by its subject: for %p it suggests %p', (word, kind) => {
  const error = thrown(() => validateOneOf('kind', word, ['ipc', 'mnt', 'net', 'pid', 'uts']));
  expect(error.message).toContain(`(did you mean '${kind}'?)`);
});

describe('known keys', () => {
  const keys = ['hostname', 'domainname', 'uid', 'setgroups'];

  it('may all be absent', () => {
    expect(() => validateKnownKeys('options', {}, keys)).not.toThrow();
    expect(() => validateKnownKeys('options', { hostname: 1, uid: undefined }, keys)).not.toThrow();
  });

  it.each([
    ['hostnmae', 'hostname'],
    ['hostName', 'hostname'],
    ['setgroup', 'setgroups'],
    ['gid', 'uid'],
  ])('are not misspelled: for %p it suggests %p', (key, meant) => {
    const error = thrown(() => validateKnownKeys('options', { [key]: 1 }, keys));
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
    expect(error.message).toContain(`The argument 'options' has no property '${key}' (did you mean '${meant}'?)`);
  });

  it.each([
    ['src', 'source'],
    ['dst', 'target'],
    ['destination', 'target'],
    ['type', 'kind'],
  ])('may have another name elsewhere: for %p it suggests %p', (key, meant) => {
    const error = thrown(() => validateKnownKeys('options', { [key]: 1 }, ['name', 'source', 'target', 'kind']));
    expect(error.message).toContain(`(did you mean '${meant}'?)`);
  });

  it('are listed when nothing is near', () => {
    expect(thrown(() => validateKnownKeys('options', { network: 1 }, keys)).message).toContain(
      "has no property 'network', only hostname, domainname, uid, setgroups.",
    );
  });

  it('count only when they are own and enumerable', () => {
    const inherited = Object.create({ nosuch: 1 }) as object;
    Object.defineProperty(inherited, 'hidden', { value: 1, enumerable: false });
    expect(() => validateKnownKeys('options', inherited, keys)).not.toThrow();
  });

  it('do not include what every object inherits', () => {
    expect(thrown(() => validateKnownKeys('options', { constructor: 1 }, keys)).code).toBe('ERR_INVALID_ARG_VALUE');
  });
});

describe('values of another realm', () => {
  it('are as good as ours', () => {
    const foreign = runInNewContext('({ array: [1], object: {}, signal: { aborted: false } })') as Record<
      string,
      unknown
    >;
    expect(() => validateArray('x', foreign.array)).not.toThrow();
    expect(() => validateObject('x', foreign.object)).not.toThrow();
    expect(() => validateAbortSignal('x', foreign.signal)).not.toThrow();
  });
});

describe('an object', () => {
  it.each([null, undefined, [], () => 1, 'x', 3])('is not %p', (value) => {
    expect(thrown(() => validateObject('x', value)).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('an array', () => {
  it.each([null, {}, { length: 1 }, 'x', new Uint8Array(1)])('is not %p', (value) => {
    expect(thrown(() => validateArray('x', value)).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('an abort signal', () => {
  it('is a real one', () => {
    expect(() => validateAbortSignal('signal', new AbortController().signal)).not.toThrow();
    expect(thrown(() => validateAbortSignal('signal', {})).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('a path', () => {
  it('is a string, relative or not', () => {
    expect(validatePath('path', '/a/b')).toBe('/a/b');
    expect(validatePath('path', 'a')).toBe('a');
  });

  it('is a file: URL, which becomes a string', () => {
    expect(validatePath('path', new URL('file:///a%20b'))).toBe('/a b');
    expect(validatePath('path', runInNewContext('url', { url: new URL('file:///a') }))).toBe('/a');
  });

  it.each([new URL('http://x/'), new URL('file://elsewhere/x'), new URL('file:///a%2Fb')])(
    'is no other URL: %s',
    (url) => {
      expect(thrown(() => validatePath('path', url)).code).toBe('ERR_INVALID_ARG_VALUE');
    },
  );

  it.each(['', 'a\0b', new URL('file:///a%00b')])('is neither empty nor cut short by a NUL byte: %p', (value) => {
    expect(thrown(() => validatePath('path', value)).code).toBe('ERR_INVALID_ARG_VALUE');
  });

  it.each([null, 3, Buffer.from('/a'), {}])('is nothing else: %p', (value) => {
    expect(thrown(() => validatePath('path', value)).code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('an object of options', () => {
  it.each([[new Map([['net', true]])], [new Set(['net'])], [new Uint8Array(1)], [[]], [null], ['net']])(
    'is none that keeps what it was given elsewhere, where it would not be applied: %p',
    (value) => {
      const error = thrown(() => validateObject('options', value));
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
    },
  );

  it('may be of any class and of none', () => {
    for (const value of [{}, Object.create(null), new EventEmitter(), process.env]) {
      expect(() => validateObject('options', value)).not.toThrow();
    }
  });
});

describe('an array', () => {
  it('has no holes, which checks of its items would pass over', () => {
    const value: unknown[] = ['a'];
    value[2] = 'b';
    const error = thrown(() => validateArray('args', value));
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
    expect(error.message).toContain("'args' has no item at index 1");
    expect(() => validateArray('args', ['a', undefined])).not.toThrow();
  });
});

test('megabytes are not compared with what would have been right', () => {
  // Letter by letter that would take longer than any test is given.
  const value = 'x'.repeat(2 ** 28);
  const { message } = thrown(() => validateOneOf('kind', value, ['mnt', 'net', 'uts']));
  expect(message.slice(0, 60)).toBe("The argument 'kind' must be one of: 'mnt', 'net', 'uts'. Rec");
  expect(message.length).toBeLessThan(1000);
});
