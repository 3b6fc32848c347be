import {
  invalidType,
  invalidValue,
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
  validateString,
} from '../errors/validate';

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

/** The options that only one type of filesystem has, and that type. */
const TYPE_OF = { size: 'tmpfs', mode: 'tmpfs', subset: 'proc', hidepid: 'proc' } as const;

const HIDEPID = ['off', 'noaccess', 'invisible', 'ptraceable'] as const;

/** The kernel's words for these options, and for their opposites: `vfs_parse_sb_flag()`. */
const SUPERBLOCK_FLAGS = {
  synchronous: ['sync', 'async'],
  dirsync: ['dirsync', undefined],
  lazytime: ['lazytime', 'nolazytime'],
} as const;

export const FILESYSTEM_KEYS = Object.freeze([
  'options',
  'data',
  ...(Object.keys(TYPE_OF) as (keyof typeof TYPE_OF)[]),
  ...(Object.keys(SUPERBLOCK_FLAGS) as (keyof typeof SUPERBLOCK_FLAGS)[]),
] as const);

/** The options of a remount: all but `mode`, which tmpfs accepts when it is remounted, and ignores. */
export const REMOUNT_KEYS = Object.freeze(FILESYSTEM_KEYS.filter((key) => key !== 'mode'));

/**
 * Checks these options, and returns the parameters for fsconfig(2): `key=value`, or a flag.
 *
 * @param type - the type of filesystem; undefined when one is changed that is there, whatever it is
 */
export function validateParameters(name: string, options: FilesystemOptions, type: string | undefined): string[] {
  for (const [key, only] of Object.entries(TYPE_OF)) {
    if (options[key as keyof typeof TYPE_OF] === undefined || type === undefined || type === only) continue;
    throw invalidValue(`${name}.${key}`, options[key as keyof typeof TYPE_OF], `is an option of the type '${only}'`);
  }
  return [
    ...superblockFlags(name, options),
    ...sizeOf(name, options),
    ...modeOf(name, options),
    ...procOptions(name, options),
    ...splitData(name, options.data),
    ...recordOf(name, options.options),
  ];
}

function superblockFlags(name: string, options: FilesystemOptions): string[] {
  return Object.entries(SUPERBLOCK_FLAGS).flatMap(([key, [on, off]]) => {
    const value = options[key as keyof typeof SUPERBLOCK_FLAGS];
    if (value === undefined) return [];
    validateBoolean(`${name}.${key}`, value);
    return value ? on : (off ?? []);
  });
}

function sizeOf(name: string, { size }: FilesystemOptions): string[] {
  if (size === undefined) return [];
  if (typeof size === 'number') validateInteger(`${name}.size`, size, 0);
  else if (typeof size === 'string') validateString(`${name}.size`, size);
  else throw invalidType(`${name}.size`, 'of type number or string', size);
  return [`size=${size}`];
}

function modeOf(name: string, { mode }: FilesystemOptions): string[] {
  if (mode === undefined) return [];
  validateInteger(`${name}.mode`, mode, 0, 0o7777);
  return [`mode=${mode.toString(8)}`];
}

function procOptions(name: string, { subset, hidepid }: FilesystemOptions): string[] {
  if (subset !== undefined) validateOneOf(`${name}.subset`, subset, ['pid']);
  if (hidepid !== undefined) validateOneOf(`${name}.hidepid`, hidepid, HIDEPID);
  return [
    ...(subset === undefined ? [] : [`subset=${subset}`]),
    ...(hidepid === undefined ? [] : [`hidepid=${hidepid}`]),
  ];
}

/** Splits at the commas. A comma after a backslash is part of a value, as in overlayfs.rst. */
function splitData(name: string, data: unknown): string[] {
  if (data === undefined) return [];
  validateString(`${name}.data`, data);
  return data.split(/(?<!\\),/).filter((parameter) => parameter !== '');
}

function recordOf(name: string, options: unknown): string[] {
  if (options === undefined) return [];
  validateObject(`${name}.options`, options);
  return Object.entries(options).flatMap(([key, value]) => {
    if (key === '' || /[=\0]/.test(key)) throw invalidValue(`${name}.options`, options, `has no option named '${key}'`);
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((each) => parameter(`${name}.options.${key}`, key, each));
  });
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
