/**
 * The first thing that each Node does which loads `linux-ns/isolate`, before its program runs. A process of a test runner is executed
 * again, in namespaces of its own. A test runner prepares its environment for the processes that it will fork.
 *
 * Every process of a run does one of three things, and loads only the code for that.
 */
import { isMainThread } from 'node:worker_threads';
import type * as arrival from './arrive';
import type * as execution from './execute';
import type * as preparation from './prepare';

export function preload(): void {
  if (!isMainThread) return;
  if (process.env.LINUX_NS_STEPS !== undefined) (require('./arrive') as typeof arrival).arrive();
  else if (isTestProcess()) (require('./execute') as typeof execution).isolate();
  else (require('./prepare') as typeof preparation).prepare();
}

/**
 * True for a process that a test runner has forked: with an IPC channel, as Jest, Vitest and most others do, or as
 * node:test does. The runner of node:test, and a process that `node --watch` starts again and again, are none.
 */
function isTestProcess(): boolean {
  const { NODE_TEST_CONTEXT = '', WATCH_REPORT_DEPENDENCIES } = process.env;
  if (process.execArgv.includes('--test')) return false;
  if (NODE_TEST_CONTEXT.startsWith('child')) return true;
  return process.channel != null && WATCH_REPORT_DEPENDENCIES === undefined;
}
