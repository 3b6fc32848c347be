import { type Check, type Parsed, boolean, mode, oneOf, schema, string } from '../errors/schema';
import { invalidType, invalidValue, validateInteger, validateObject, validateString } from '../errors/validate';

/** Options of the filesystem itself: those after `-o` of mount(8), without {@link MountAttributes}. */
export interface FilesystemOptions {
  /**
   * Options of the filesystem by name: `{ size: '1m', nr_inodes: 100 }`. `true` gives an option without a value,
   * `false` leaves the option out, and a list gives the same option several times. A name or value that the filesystem
   * does not know is an error.
   */
  options?: Readonly<Record<string, ParameterValue | readonly ParameterValue[]>> | undefined;
  /** The same as one string, separated by commas, as mount(2) takes it: `'size=1m,mode=700'`. */
  data?: string | undefined;
  /** The size of a `tmpfs` in bytes, or as a string in the kernel's syntax: `'50%'`, `'1g'`. */
  size?: number | string | undefined;
  /** The mode of the root directory of a `tmpfs`. Default 0o1777. */
  mode?: number | undefined;
  /** For `proc`: `'pid'` hides everything that is not about processes (Linux 5.8). */
  subset?: 'pid' | undefined;
  /** For `proc`: how much is visible of other users' processes, `proc(5)`. The words need Linux 5.8. */
  hidepid?: 'off' | 'noaccess' | 'invisible' | 'ptraceable' | undefined;
  /** All writes are synchronous. */
  synchronous?: boolean | undefined;
  /** Changes of directories are synchronous. */
  dirsync?: boolean | undefined;
  /** Changes of timestamps are written back later (`lazytime`). */
  lazytime?: boolean | undefined;
}

/** A value of one option. */
export type ParameterValue = string | number | bigint | boolean;

/** Parameters for fsconfig(2): `key=value`, or a flag. */
type Parameters = readonly string[];

/** The kernel's words for an option, and for its opposite: `vfs_parse_sb_flag()`. */
function flag(on: string, off?: string): Check<Parameters> {
  return (name, value) => (boolean(name, value) ? [on] : off === undefined ? [] : [off]);
}

/** An option that is a parameter of the same name. */
function named(key: string, textOf: Check<string | number>): Check<Parameters> {
  return (name, value) => [`${key}=${textOf(name, value)}`];
}

const size: Check<string | number> = (name, value) => {
  if (typeof value === 'string') return string(name, value);
  if (typeof value !== 'number') throw invalidType(name, 'of type number or string', value);
  validateInteger(name, value, 0);
  return value;
};

/** Splits at the commas. A comma after a backslash is part of a value, as in overlayfs.rst. */
const data: Check<Parameters> = (name, value) =>
  string(name, value)
    .split(/(?<!\\),/)
    .filter((parameter) => parameter !== '');

const record: Check<Parameters> = (name, options) => {
  validateObject(name, options);
  return Object.entries(options).flatMap(([key, value]: [string, unknown]) => {
    if (key === '' || /[=\0]/.test(key)) throw invalidValue(name, options, `has no option named '${key}'`);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((each) => parameter(`${name}.${key}`, key, each));
  });
};

/** Options become parameters in this order. */
export const FILESYSTEM = schema<FilesystemOptions>()({
  synchronous: flag('sync', 'async'),
  dirsync: flag('dirsync'),
  lazytime: flag('lazytime', 'nolazytime'),
  size: named('size', size),
  mode: named('mode', (name, value) => mode(name, value).toString(8)),
  subset: named('subset', oneOf(['pid'])),
  hidepid: named('hidepid', oneOf(['off', 'noaccess', 'invisible', 'ptraceable'])),
  data,
  options: record,
});

/** The options that only one type of filesystem has, and that type. */
const TYPE_OF = { size: 'tmpfs', mode: 'tmpfs', subset: 'proc', hidepid: 'proc' } as const;

/** The options of a remount: all but `mode`, which tmpfs accepts when it is remounted, and ignores. */
export const REMOUNT_KEYS = Object.freeze(FILESYSTEM.keys.filter((key) => key !== 'mode'));

/**
 * The parameters among the options of a mount, which have been checked.
 *
 * @param type - the type of filesystem; undefined when one is changed that is there, whatever it is
 */
export function parametersOf(name: string, options: Parsed<typeof FILESYSTEM>, type: string | undefined): string[] {
  for (const [key, only] of Object.entries(TYPE_OF) as [keyof typeof TYPE_OF, string][]) {
    if (options[key] === undefined || type === undefined || type === only) continue;
    throw invalidValue(`${name}.${key}`, options[key][0], `is an option of the type '${only}'`);
  }
  return FILESYSTEM.keys.flatMap((key) => options[key] ?? []);
}

function parameter(name: string, key: string, value: unknown): string | [] {
  switch (typeof value) {
    case 'boolean':
      return value ? key : [];
    case 'number':
      validateInteger(name, value);
      return `${key}=${value}`;
    case 'bigint':
      return `${key}=${value}`;
    default:
      validateString(name, value);
      return `${key}=${value}`;
  }
}
