import { readlinkSync } from 'node:fs';
import { Namespace, type NamespaceLink, spawn } from '../../lib';
import { errorWith } from '../fixtures/errors';
import { needs } from '../fixtures/optional';

describe('the namespaces that children are born in', () => {
  test.each(['pid_for_children', 'time_for_children'] as const)('%s of this process', async (link) => {
    await using namespace = await Namespace.of('self', link);
    expect(String(namespace)).toBe(readlinkSync(`/proc/self/ns/${link}`));
    await using opened = await Namespace.open(`/proc/self/ns/${link}`);
    expect(namespace.equals(opened)).toBe(true);
    await using byPid = await Namespace.of(process.pid, link);
    expect(byPid.equals(opened)).toBe(true);
  });

  needs({ tool: ['unshare'] }).test('are others than its own after an unshare', async () => {
    const script = 'echo; exec sleep 1000';
    await using child = await spawn('unshare', ['--time', '--fork', '--kill-child', '--pid', 'sh', '-c', script], {
      unshare: ['user'],
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    for (const kind of ['pid', 'time'] as const) {
      await using own = await Namespace.of(child.pid, kind);
      await using ofChildren = await Namespace.of(child.pid, `${kind}_for_children`);
      expect(ofChildren.kind).toBe(kind);
      expect(ofChildren.equals(own)).toBe(false);
    }
    child.kill('SIGKILL');
  });

  test('nothing else is a link', async () => {
    await expect(Namespace.of('self', 'net_for_children' as NamespaceLink)).rejects.toEqual(
      errorWith({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });
});
