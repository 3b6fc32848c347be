import { setTimeout as sleep } from 'node:timers/promises';
import { validateInteger } from '../errors/validate';
import { abortError } from '../launch/task';
import { look } from './discover';
import type { DiscoveredNamespace } from './namespace';
import type { NamespaceMap } from './namespace-map';
import {
  DISCOVER_OPTIONS,
  type DiscoverOptions,
  type DiscoverRequest,
  parseDiscover,
  validateOptions,
} from './options';

/** Options of {@link watch}. Of those of {@link discover} the cheap sources alone are on by default. */
export interface WatchOptions extends DiscoverOptions {
  /** Milliseconds between two looks. Default 1000. */
  interval?: number | undefined;
}

/** A namespace that has come, or gone. */
export interface NamespaceChange {
  /** Which of the two. */
  readonly type: 'appeared' | 'gone';
  /** As it was seen in the look that showed it first, or last. */
  readonly namespace: DiscoveredNamespace;
  /** The look itself; of a namespace that has gone, the one that does not have it any more. */
  readonly map: NamespaceMap;
}

/** Processes, mounts of this process's own, owners and parents. */
const CHEAP: DiscoverOptions = {
  tasks: false,
  forChildren: false,
  fds: false,
  sockets: false,
  mounts: 'own',
  commands: 'first',
  users: false,
};

const MAX_INTERVAL = 2 ** 31 - 1;

/**
 * Namespaces as they appear and go, from when the iteration begins: the kernel tells nobody, so this looks again and again. What comes
 * and goes between two looks is not seen. A look costs about what {@link lsns} does, on a thread of its own.
 *
 * By default it looks at processes and at this process's own mounts; switch on `fds`, `sockets`, `tasks` and
 * `mounts: true` to see what only those keep. Ends with the loop (`break`), or throws an `AbortError`.
 *
 * Before Linux 6.18 a namespace that has got the number of one that went, between two looks, is taken for it.
 *
 * @throws TypeError, RangeError for bad options, at once; the iteration NamespaceError, or an `AbortError`
 *
 * @example
 * ```ts
 * for await (const { type, namespace } of watch({ kinds: ['net'], interval: 200 })) {
 *   console.log(type, String(namespace), namespace.leader?.command);
 * }
 * ```
 */
export function watch(options: WatchOptions = {}): AsyncGenerator<NamespaceChange, void, undefined> {
  validateOptions(options, ['interval', ...DISCOVER_OPTIONS]);
  const { interval = 1000 } = options;
  validateInteger('options.interval', interval, 1, MAX_INTERVAL);
  return changes(parseDiscover(options, CHEAP), interval);
}

async function* changes(request: DiscoverRequest, interval: number): AsyncGenerator<NamespaceChange, void, undefined> {
  let before = identities(await look(request), request);
  for (;;) {
    await pause(interval, request.signal);
    const map = await look(request);
    const now = identities(map, request);
    for (const [name, namespace] of before) if (!now.has(name)) yield { type: 'gone', namespace, map };
    for (const [name, namespace] of now) if (!before.has(name)) yield { type: 'appeared', namespace, map };
    before = now;
  }
}

/** Owners come along whatever was asked for: they are not what is watched. */
function identities(map: NamespaceMap, { kinds }: DiscoverRequest): Map<string, DiscoveredNamespace> {
  const watched = map.namespaces.filter(({ kind }) => kinds.includes(kind));
  return new Map(watched.map((each) => [`${String(each)} ${each.uniqueId ?? ''}`, each]));
}

async function pause(interval: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(interval, undefined, signal === undefined ? {} : { signal });
  } catch {
    if (signal !== undefined) throw abortError(signal);
  }
}
