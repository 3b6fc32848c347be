/** The launch of tasks, for the folders beside this one: what to import, and nothing of what is behind it. */
export type { HostFiles } from './host-files';
export { validateJoin } from './join';
export type { Results } from './task';
export { type Body, type Target, joinsMounts, launch, run } from './launch';
export {
  type Propagation,
  type UnshareSpec,
  PROPAGATIONS,
  kindsOfSpec,
  validateUnshare,
  validateUtsName,
} from './unshare-spec';
