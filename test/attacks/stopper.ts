import { type NamespaceProcess, type Sandbox } from '../../lib';
import { Arsenal } from '../fixtures/attacks';
import { eventually, footprint } from '../fixtures/footprint';
import { allSettle } from '../fixtures/settled';
import type { Attack } from './attack';

/** How many calls at once. */
const CALLS = 12;

function call(box: Sandbox, index: number): Promise<unknown> {
  switch (index % 6) {
    case 0:
      return box.execFile('true', [], { timeout: 1000 });
    case 1:
      return box.exec('echo hello', { timeout: 500, killSignal: 'SIGKILL' });
    case 2:
      return box.execFile('cat', ['/etc/passwd'], { timeout: 300, maxBuffer: 10 });
    case 3:
      return box.execFile('true', [], { signal: AbortSignal.timeout(300) });
    case 4:
      return box.namespaces.execFile('true', [], { unshare: ['user', 'pid'], timeout: 300 });
    default:
      return box.spawn('true', [], { timeout: 300 }).then((child: NamespaceProcess) => child.close());
  }
}

export const attack: Attack = {
  about: 'A program inside stops all the others, in a loop, while programs are started.',
  async run(until) {
    const arsenal = new Arsenal();
    const broken: string[] = [];
    let rounds = 0;
    try {
      while (Date.now() < until) {
        const before = footprint().children;
        const box = await arsenal.sandbox(rounds % 2 === 0 ? {} : { user: { uid: 0, gid: 0 } });
        await box.spawn('sh', ['-c', 'while :; do kill -STOP -1; done'], { stdio: 'ignore' });
        const calls = Array.from({ length: CALLS }, (_, index) => call(box, index));
        if (!(await allSettle(calls))) broken.push('a call with a time-out has not settled');
        if (!(await allSettle([box.close()]))) {
          broken.push('close() has not ended');
          break;
        }
        const left = (): string[] => footprint().children.filter((pid) => !before.includes(pid));
        await eventually(() => left().length === 0).catch(() => broken.push(`${left().length} children are left`));
        rounds++;
      }
    } finally {
      arsenal.remove();
    }
    return { rounds, broken };
  },
};
