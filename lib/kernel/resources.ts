/** The resources that getrlimit(2) knows, by number: `<asm-generic/resource.h>`. */
export const RESOURCES = Object.freeze([
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
] as const);

/**
 * A resource, in the words of prlimit(1).
 *
 * @useDeclaredType
 */
export type Resource = (typeof RESOURCES)[number];

/** The names of the resources in /proc/PID/limits. */
export const LIMIT_TITLES: Readonly<Record<Resource, string>> = {
  cpu: 'Max cpu time',
  fsize: 'Max file size',
  data: 'Max data size',
  stack: 'Max stack size',
  core: 'Max core file size',
  rss: 'Max resident set',
  nproc: 'Max processes',
  nofile: 'Max open files',
  memlock: 'Max locked memory',
  as: 'Max address space',
  locks: 'Max file locks',
  sigpending: 'Max pending signals',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
};
