/**
 * Loaded before a test runner and all that it forks, it moves each forked Node into namespaces of its own. It exports
 * nothing: `linux-ns test` loads it, or `NODE_OPTIONS='--import linux-ns/isolate'` does.
 *
 * The variable LINUX_NS_ISOLATE says what each process gets for itself: `net` (the default), `tmp`, `hostname` or
 * `hostname=NAME`, `time`, `monotonic=SECONDS`, `boottime=SECONDS`, separated by commas. See docs/testing.md.
 *
 * @packageDocumentation
 */
import { preload } from './preload';

preload();

export {};
