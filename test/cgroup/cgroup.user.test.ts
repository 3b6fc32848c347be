import { spawn } from '../../lib';
import { ownCgroup } from '../../lib/cgroup/place';
import { errorWith } from '../fixtures/errors';

test('in a cgroup that was not delegated the error says so, and how it is done', async () => {
  const error = errorWith({
    name: 'NamespaceError',
    code: 'EACCES',
    syscall: 'mkdir',
    step: expect.stringMatching(/^create cgroup /) as string,
    hint: expect.stringMatching(/has not been delegated.*Delegate=yes/) as string,
  });
  await expect(spawn('true', { cgroup: {} })).rejects.toEqual(error);
  await expect(spawn('true', { cgroup: { parent: ownCgroup(), name: 'mine' } })).rejects.toEqual(error);
});
