/** The pids of a program, chosen by an ordinary user: set_tid of clone3(2). */
import { spawn } from '../../lib';
import { freePid } from '../fixtures/pids';

test('an ordinary user chooses no pid of the namespace of this process, which is told', async () => {
  await expect(spawn('true', [], { pid: freePid() })).rejects.toMatchObject({
    ...{ name: 'NamespaceError', code: 'EPERM', syscall: 'clone3' },
    hint: expect.stringContaining('CAP_CHECKPOINT_RESTORE') as string,
  });
});
