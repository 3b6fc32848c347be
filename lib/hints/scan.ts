/** Hints about looking at all of /proc. */
import { Errno } from '../kernel/errno';
import { type Explainer, byErrno } from './failure';

const noProc: Explainer = () =>
  'Namespaces are found in the proc filesystem, and there is none on /proc. Mount one: mount -t proc proc /proc.';

export const explainScan: Explainer = byErrno({
  [Errno.ENOENT]: noProc,
  [Errno.ENODEV]: noProc,
  [Errno.EACCES]: () => 'This process may not read /proc. Its mode, or that of a mount above it, keeps others out.',
  [Errno.EAGAIN]: () =>
    'Reading /proc needs a thread, and no more can be started: raise the limit of processes (prlimit --nproc, ' +
    'pids.max of the cgroup), or end some.',
});
