import { stat } from 'node:fs/promises';
import type { Step } from '../../../types/native';
import { HostFiles } from '../../kernel/host-files';
import { launch } from '../../launch/launch';
import { type MountOptions, parseMount, stepsOfMount } from '../../mount/mount';
import { type NamespaceSet, openAll, setOf } from '../../set/namespace-set';
import { type CallOptions, signalOf } from '../../set/call-options';
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
    const steps: Step[] = [...mounts.flatMap((mount) => stepsOfMount(target, parseMount('mount', mount))), ['hold']];
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
 * The mount of /sys. A sysfs shows the devices of the network namespace that it was mounted from. iproute2 unmounts the
 * old one first. Here a new one covers it, because in a user namespace a sysfs may be mounted only where another one
 * can be seen as a whole.
 */
function sys(name: string): MountOptions {
  const current = new HostFiles()
    .mounts()
    ?.filter(({ target }) => target === '/sys')
    .at(-1);
  const readOnly = current?.options.includes('ro') === true;
  return { type: 'sysfs', source: name, target: '/sys', readOnly };
}

/**
 * The mounts of files of /etc/netns/NAME over those of the same name in /etc. A file that /etc does not have is left
 * out.
 */
async function etcMounts(name: string): Promise<MountOptions[]> {
  const files = await etcFiles(name);
  const covered = await Promise.all(files.map(async ({ target }) => (await stat(target).catch(() => null)) !== null));
  return files
    .filter((_, index) => covered[index])
    .map(({ source, target }) => ({ bind: true, recursive: true, source, target }));
}
