import { stat } from 'node:fs/promises';
import type { Step } from '../../../types/native';
import { HostFiles } from '../../host/proc';
import { launch } from '../../launch/target';
import { MS_BIND, MS_RDONLY } from '../../mount/flags';
import { Namespace } from '../../namespace/namespace';
import { type NamespaceSet, openAll, setOf } from '../../namespace/namespace-set';
import { type CallOptions, signalOf } from '../../namespace/unshare';
import { ETC_DIRECTORY, namesIn, pathOf, validateName } from './names';

/** {@link NetworkNamespaces.enter} */
export async function enter(name: string, options: CallOptions = {}): Promise<NamespaceSet> {
  validateName('name', name);
  const signal = signalOf(options);
  const net = await Namespace.open(pathOf(name));
  try {
    const steps: Step[] = [sysStep(name), ...(await etcSteps(name)), ['hold']];
    const target = { join: [net], unshare: { mnt: { propagation: 'slave' } } } as const;
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
function sysStep(name: string): Step {
  const sys = new HostFiles()
    .mounts()
    ?.filter(({ target }) => target === '/sys')
    .at(-1);
  const readOnly = sys?.options.includes('ro') === true;
  return ['mount', name, '/sys', 'sysfs', readOnly ? MS_RDONLY : 0, null];
}

/** Each file over the one of that name: what /etc does not have stands for nothing. */
async function etcSteps(name: string): Promise<Step[]> {
  const directory = `${ETC_DIRECTORY}/${name}`;
  const files = await namesIn(directory);
  const covered = await Promise.all(files.map(async (file) => (await stat(`/etc/${file}`).catch(() => null)) !== null));
  return files
    .filter((_, index) => covered[index])
    .map((file) => ['mount', `${directory}/${file}`, `/etc/${file}`, null, MS_BIND, null]);
}
