/**
 * Waits for what a program brings about: `waitFor.port()`, `waitFor.log()` and so on. A wait that is given up rejects with an
 * error that has the last state, and the last lines of the program's output. Where the kernel or the program tells of
 * something, a wait listens; where it has to ask, it asks again after pauses that grow from 5 to 200 ms.
 *
 * @example
 * ```ts
 * import { unshare, waitFor } from 'linux-ns';
 *
 * await using set = await unshare(['user', 'net', 'pid']);
 * const redis = await set.spawn('redis-server', ['--save', '']);
 * await waitFor.port(redis, 6379);
 * ```
 *
 * @module
 */
export { type WaitExecOptions, exec } from './exec';
export { type WaitExitOptions, exit } from './exit';
export { type WaitHttpOptions, http } from './http';
export { type WaitLogOptions, log } from './log';
export { type WaitPortOptions, port } from './port';
export type { HasNetwork, NetworkPlace, ProgramsPlace, RunsPrograms } from './target';
export type { WaitForProgramOptions, WaitOptions } from './wait-options';
