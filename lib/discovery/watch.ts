import { setTimeout as sleep } from 'node:timers/promises';
import { withoutPrototype } from '../errors/plain';
import { integer, schema } from '../errors/schema';
import { abortError } from '../errors/abort';
import { look } from './discover';
import type { DiscoveredNamespace } from './namespace';
import type { NamespaceMap } from './namespace-map';
import {
  DISCOVER,
  type DiscoverOptions,
  type DiscoverRequest,
  NOTHING_ELSE,
  type Sources,
  requestOf,
} from './discover-options';

/** Options of {@link watch}: those of {@link discover}, but by default only the cheap sources are read. */
export interface WatchOptions extends DiscoverOptions {
  /** Milliseconds between two scans. Default: 1000. */
  interval?: number | undefined;
}

/** A namespace that has appeared or is gone. */
export interface NamespaceChange {
  /** `'appeared'` for a new namespace, `'gone'` for one that was not found again. */
  readonly type: 'appeared' | 'gone';
  /**
   * The namespace as it was in a scan: in the first that found it where it has appeared, in the last where it is gone.
   */
  readonly namespace: DiscoveredNamespace;
  /** The whole result of the scan; for a namespace that is gone that of the first scan without it. */
  readonly map: NamespaceMap;
}

/** The sources that are read by default: processes, the mounts of this process, owners and parents. */
const CHEAP: Sources = { ...NOTHING_ELSE, mounts: 'own', hierarchy: true, commands: 'first' };

const WATCH = schema<WatchOptions>()({ ...DISCOVER.checks, interval: integer(1, 2 ** 31 - 1) });

/**
 * Reports namespaces that appear and that go, from the start of the iteration. The kernel has no such events, so this
 * scans again and again: a namespace that appears and goes between two scans is missed. A scan costs about as much as
 * {@link lsns}, on a thread of its own.
 *
 * By default it scans processes and this process's own mounts; switch on `fds`, `sockets`, `tasks` and `mounts: true`
 * to find namespaces that only those keep. It ends when the loop is left (`break`), and throws an `AbortError` when its
 * signal is aborted.
 *
 * Before Linux 6.18 a new namespace that gets the number of one that went between two scans is taken for the old one.
 *
 * @throws TypeError, RangeError for bad options, at once; the iteration throws NamespaceError, or an `AbortError`
 *
 * @example
 * ```ts
 * for await (const { type, namespace } of watch({ kinds: ['net'], interval: 200 })) {
 *   console.log(type, String(namespace), namespace.leader?.command);
 * }
 * ```
 */
export function watch(options: WatchOptions = {}): AsyncGenerator<NamespaceChange, void, undefined> {
  const { interval = 1000, ...sources } = WATCH('options', options);
  return changes(requestOf(withoutPrototype(CHEAP, sources)), interval);
}

async function* changes(request: DiscoverRequest, interval: number): AsyncGenerator<NamespaceChange, void, undefined> {
  let before = identities(await look(request), request);
  for (;;) {
    await pause(interval, request.signal);
    const map = await look(request);
    const now = identities(map, request);
    for (const [name, namespace] of before)
      if (!isSame(namespace, now.get(name))) yield { type: 'gone', namespace, map };
    for (const [name, namespace] of now)
      if (!isSame(namespace, before.get(name))) yield { type: 'appeared', namespace, map };
    before = now;
  }
}

/** The watched namespaces by their names. Owners of other kinds are left out: a scan finds them in any case. */
function identities(map: NamespaceMap, { kinds }: DiscoverRequest): Map<string, DiscoveredNamespace> {
  const watched = map.namespaces.filter(({ kind }) => kinds.includes(kind));
  return new Map(watched.map((each) => [String(each), each]));
}

/**
 * True where two namespaces with the same number are the same one. One scan may learn the unique id and another not,
 * for example because the process by which it was read has ended.
 */
function isSame(one: DiscoveredNamespace, other: DiscoveredNamespace | undefined): boolean {
  if (other === undefined) return false;
  return one.uniqueId === undefined || other.uniqueId === undefined || one.uniqueId === other.uniqueId;
}

async function pause(interval: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(interval, undefined, signal === undefined ? {} : { signal });
  } catch {
    if (signal !== undefined) throw abortError(signal);
  }
}
