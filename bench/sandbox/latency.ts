import { Sandbox } from 'linux-ns';
import { bare, timed, working } from '../launch/starters';
import { type Samples, interleave } from '../measure/interleave';
import {
  EXEC,
  EXEC_NESTED,
  EXEC_SAME_SESSION,
  SPEC,
  bwrap,
  bwrap40,
  create,
  create40,
  inside,
  nsenter,
} from './contestants';

/** Measures making a sandbox and entering one, all contestants side by side, in milliseconds. */
export async function measureLatency(rounds: number): Promise<Samples> {
  // Without a user 0 there are two user namespaces, one in the other, and nsenter can't go through both.
  const asRoot = await Sandbox.create({ ...SPEC, user: { uid: 0, gid: 0 } });
  const nested = await Sandbox.create({ ...SPEC, user: { uid: 1000, gid: 1000 } });
  const sameSession = await Sandbox.create({ ...SPEC, user: { uid: 0, gid: 0 }, newSession: false });
  try {
    // It finds the namespaces through a process that may be looked into, which an init of ours may not.
    const resident = await asRoot.spawn('/bin/sleep', ['infinity'], { stdio: 'ignore' });
    const theirs = await working([bare, bwrap, bwrap40, nsenter(resident.pid)]);
    const ours = [
      create,
      create40,
      inside(EXEC, asRoot),
      inside(EXEC_NESTED, nested),
      inside(EXEC_SAME_SESSION, sameSession),
    ];
    return await interleave([...theirs, ...ours].map(timed), rounds);
  } finally {
    await Promise.all([asRoot, nested, sameSession].map((sandbox) => sandbox.close()));
  }
}
