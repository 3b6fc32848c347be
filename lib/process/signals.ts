import { constants } from 'node:os';
import { inspect } from 'node:util';
import { invalidType } from '../errors/validate';

const NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));

/**
 * The number of a signal given as Node's functions take it: `'SIGTERM'`, `'sigterm'`, `15`. signal(7)
 *
 * The real-time signals have no names there and are refused, as Node refuses them.
 *
 * @throws TypeError `ERR_INVALID_ARG_TYPE` for neither a string nor a number, `ERR_UNKNOWN_SIGNAL` for no signal.
 */
export function signalNumber(name: string, signal: unknown): number {
  if (typeof signal !== 'string' && typeof signal !== 'number') {
    throw invalidType(name, 'one of type string or number', signal);
  }
  if (typeof signal === 'number' && [...NUMBERS.values()].includes(signal)) return signal;
  const number = typeof signal === 'string' ? NUMBERS.get(signal.toUpperCase()) : undefined;
  if (number === undefined) throw unknownSignal(signal);
  return number;
}

/**
 * The number for the argument of `kill()`: SIGTERM if there is none; 0 only asks whether the process exists. kill(2)
 */
export function killSignalNumber(signal: unknown): number {
  if (signal === 0) return 0;
  if (signal === undefined) return constants.signals.SIGTERM;
  if (typeof signal !== 'string' && typeof signal !== 'number') throw unknownSignal(signal);
  return signalNumber('signal', signal);
}

function unknownSignal(signal: unknown): TypeError {
  const shown = typeof signal === 'string' ? signal : inspect(signal);
  return Object.assign(new TypeError(`Unknown signal: ${shown}`), { code: 'ERR_UNKNOWN_SIGNAL' });
}
