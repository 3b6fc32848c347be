/** The launch of tasks, for the folders beside this one: what to import, and nothing of what is behind it. */
export type { HostFiles } from './taken-files';
export { joinFromAbove, validateJoin, withoutOwn } from './join';
export { type Target, joins, credentialsIn, joinsMounts, launch, run, runBody } from './launch';
export type { Results } from '../task/task';
export {
  type Propagation,
  type UnshareSpec,
  PROPAGATIONS,
  kindsOfSpec,
  validateUnshare,
  validateUtsName,
} from './unshare-spec';
