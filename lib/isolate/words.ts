import { nearest } from '../errors/nearest';
import { invalidValue } from '../errors/validate';
import { type UnshareSpec, validateUnshare } from '../launch/unshare-spec';

/** The things that a test process gets for itself. */
export interface Isolation {
  /** The namespaces that it enters, without a user namespace. */
  readonly unshare: UnshareSpec;
  /** True for an empty directory for temporary files. */
  readonly tmp: boolean;
}

/** The variable of the environment that says what is isolated: `net,tmp,hostname=db,boottime=100`. */
export const WORDS_VARIABLE = 'LINUX_NS_ISOLATE';

/** The words where that variable is not set. */
const DEFAULT_WORDS = 'net';

const WORDS = ['net', 'tmp', 'hostname', 'time', 'monotonic', 'boottime'] as const;

type Word = (typeof WORDS)[number];

/**
 * Reads the words of {@link WORDS_VARIABLE}.
 *
 * @throws TypeError `ERR_INVALID_ARG_VALUE` for a word that is not known, or has a value that is not valid
 */
export function parseWords(text: string = DEFAULT_WORDS): Isolation {
  const asked = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (asked.length === 0) throw invalidValue(WORDS_VARIABLE, text, `must name at least one of ${WORDS.join(', ')}`);
  const values = new Map(asked.map((word) => parseWord(word)));
  const spec: UnshareSpec = {};
  if (values.has('net')) spec.net = true;
  if (values.has('tmp')) spec.mnt = true;
  if (values.has('hostname')) spec.uts = uts(values.get('hostname'));
  const clocks = (['monotonic', 'boottime'] as const).filter((clock) => values.has(clock));
  if (clocks.length > 0 || values.has('time')) {
    spec.time = Object.fromEntries(clocks.map((clock) => [clock, seconds(clock, values.get(clock))]));
  }
  return { unshare: validateUnshare(WORDS_VARIABLE, spec), tmp: values.has('tmp') };
}

function parseWord(text: string): [Word, string | undefined] {
  const [name = '', ...rest] = text.split('=');
  const word = WORDS.find((each) => each === name);
  const value = rest.length === 0 ? undefined : rest.join('=');
  if (word === undefined) {
    const meant = WORDS[nearest(name, WORDS)];
    const hint = meant === undefined ? '' : ` (did you mean '${meant}'?)`;
    throw invalidValue(WORDS_VARIABLE, text, `must be made of ${WORDS.join(', ')}${hint}`);
  }
  if (value !== undefined && ['net', 'tmp', 'time'].includes(word)) {
    throw invalidValue(WORDS_VARIABLE, text, `takes no value for '${word}'`);
  }
  return [word, value];
}

function uts(hostname: string | undefined): NonNullable<UnshareSpec['uts']> {
  return hostname === undefined ? true : { hostname };
}

function seconds(clock: string, text = ''): number {
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw invalidValue(WORDS_VARIABLE, `${clock}=${text}`, `must have a number of seconds for '${clock}'`);
}
