import { stat } from 'node:fs/promises';
import type { Step } from '../../../types/native';
import { HostFiles } from '../../kernel/host-files';
import { launch } from '../../launch/launch';
import { type MountOptions, stepsOfMount } from '../../mount/mount';
import { type NamespaceSet, openAll, setOf } from '../../set/namespace-set';
import { type CallOptions, signalOf } from '../../set/unshare';
import { etcFiles } from '../../namespace/etc-netns';
import { openNamed, validateName } from '../../namespace/run-netns';

/** {@link NetworkNamespaces.enter} */
export async function enter(name: string, options: CallOptions = {}): Promise<NamespaceSet> {
  validateName('name', name);
  const signal = signalOf(options);
  const net = await openNamed(name);
  try {
    const target = { join: [net], unshare: { mnt: { propagation: 'slave' } } } as const;
    const mounts = [sys(name), ...(await etcMounts(name))];
    const steps: Step[] = [...mounts.flatMap((mount) => stepsOfMount(target, 'mount', mount)), ['hold']];
    const task = await launch(target, { steps, ids: 'given', signal });
    try {
      return setOf(openAll(task, ['net', 'mnt']));
    } finally {
      task.release(); // the set's handles keep both
    }
  } finally {
    await net.close();
  }
}

/**
 * What a sysfs shows are the devices of the network namespace that it was mounted from. iproute2 takes the old one away
 * first; it is covered here, for in a user namespace a new one may be mounted only where a whole one can be seen.
 */
function sys(name: string): MountOptions {
  const current = new HostFiles()
    .mounts()
    ?.filter(({ target }) => target === '/sys')
    .at(-1);
  const readOnly = current?.options.includes('ro') === true;
  return { type: 'sysfs', source: name, target: '/sys', readOnly };
}

/** Each file over the one of that name: what /etc does not have stands for nothing. */
async function etcMounts(name: string): Promise<MountOptions[]> {
  const files = await etcFiles(name);
  const covered = await Promise.all(files.map(async ({ target }) => (await stat(target).catch(() => null)) !== null));
  return files
    .filter((_, index) => covered[index])
    .map(({ source, target }) => ({ bind: true, recursive: true, source, target }));
}
