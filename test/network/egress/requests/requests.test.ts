import { inspect } from 'node:util';
import type { EgressProgram, EgressRequest } from '../../../../lib/network/egress/requests/egress-request';
import { Requests } from '../../../../lib/network/egress/requests/requests';
import type { Verdict } from '../../../../lib/network/egress/policy/policy';
import { eventually } from '../../../fixtures/footprint';

const ALLOWED: Verdict = { decision: 'allow', rule: '*.test', reason: 'The rule names it.' };
const PROGRAM: EgressProgram = { pid: 12, pidInside: 2, file: '/usr/bin/curl', argv: ['curl', 'a.test'] };

const to = (name: string) => ({ name, address: '198.18.1.0', port: 443 });
const curl = async (): Promise<EgressProgram> => Promise.resolve(PROGRAM);

/** Requests, and what listeners have heard; nobody listens unless `heard` is given. */
function made(heard?: EgressRequest[]): Requests {
  return new Requests({ isHeard: () => heard !== undefined, emit: (request) => void heard?.push(request) });
}

async function take(requests: AsyncIterable<EgressRequest>, count: number): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of requests) if (names.push(name ?? '') === count) break;
  return names;
}

describe('a request', () => {
  test('is data for JSON, with all that is known at that time', async () => {
    const heard: EgressRequest[] = [];
    const request = made(heard).record(to('a.test'), ALLOWED, curl);
    await eventually(() => heard.length === 1);
    const outside = { bytesRead: 50, bytesWritten: 10 }; // of a proxy, before the connection
    request.count(outside);
    Object.assign(outside, { bytesRead: 2050, bytesWritten: 110 });
    const { at, duration, ...rest } = JSON.parse(JSON.stringify(heard[0])) as Record<string, unknown>;
    expect(rest).toEqual({
      ...{ decision: 'allow', name: 'a.test', address: '198.18.1.0', port: 443, program: PROGRAM },
      ...{ rule: '*.test', reason: 'The rule names it.', bytesSent: 100, bytesReceived: 2000 },
    });
    expect(at).toBe(request.at.toISOString());
    expect(duration).toBeGreaterThanOrEqual(0);
  });

  test('is finished once, and its time stands still then', async () => {
    const request = made().record(to('a.test'), ALLOWED, curl);
    request.end('The server was gone.');
    const { duration } = request;
    request.end('Something else.');
    await request.finished;
    expect(request.reason).toBe('The server was gone.');
    expect(request.duration).toBe(duration);
  });

  test('is one line for the console', () => {
    const request = made().record(to('a.test'), ALLOWED, curl);
    expect(inspect(request)).toBe("EgressRequest { decision: 'allow', host: 'a.test', port: 443, rule: '*.test' }");
  });
});

describe('those who look', () => {
  test('hear of each request in an event, with its program', async () => {
    const heard: EgressRequest[] = [];
    made(heard).record(to('a.test'), ALLOWED, curl);
    expect(heard).toEqual([]);
    await eventually(() => heard.length === 1);
    expect(heard[0]?.program).toBe(PROGRAM);
  });

  test('hear of it without a program where that cannot be told', async () => {
    const heard: EgressRequest[] = [];
    made(heard).record(to('a.test'), ALLOWED, async () => Promise.reject(new Error('gone')));
    await eventually(() => heard.length === 1);
    expect(heard[0]?.program).toBeUndefined();
  });

  test('get in a loop what comes from its beginning on, each loop all of it', async () => {
    const requests = made();
    requests.record(to('before.test'), ALLOWED, curl);
    const loops = [take(requests, 3), take(requests, 2)];
    for (const name of ['a.test', 'b.test', 'c.test']) requests.record(to(name), ALLOWED, curl);
    expect(await Promise.all(loops)).toEqual([
      ['a.test', 'b.test', 'c.test'],
      ['a.test', 'b.test'],
    ]);
  });

  test('read what has come by then, when all is closed, and no more', async () => {
    const requests = made();
    const reader = requests[Symbol.asyncIterator]();
    const other = requests[Symbol.asyncIterator]();
    requests.record(to('a.test'), ALLOWED, curl);
    expect((await other.next()).value?.name).toBe('a.test');
    requests.close();
    expect(await take(reader, 9)).toEqual(['a.test']);
    expect(await take(requests, 9)).toEqual([]);
    expect((await other.next()).done).toBe(true);
  });

  test('that are slow lose the oldest, which are counted; and the list has the last ones', async () => {
    const requests = made();
    const reader = requests[Symbol.asyncIterator]();
    const fast = requests[Symbol.asyncIterator]();
    for (let index = 0; index < 1500; index++) {
      requests.record(to(`n${index}.test`), ALLOWED, curl);
      await fast.next();
    }
    expect(requests.lost).toBe(1500 - 1024);
    expect((await reader.next()).value?.name).toBe(`n${1500 - 1024}.test`);
    expect(requests.recent).toHaveLength(1024);
    expect(requests.recent.at(-1)?.name).toBe('n1499.test');
  });

  test('see the program of what is refused: its answer waits until it is known, or for a second', async () => {
    jest.useFakeTimers();
    try {
      let found: (program: EgressProgram) => void = () => undefined;
      const states: string[] = [];
      const requests = made([]);
      const searched = new Promise<EgressProgram>((resolve) => (found = resolve));
      const known = requests.record(to('a.test'), ALLOWED, () => searched);
      const hidden = requests.record(to('b.test'), ALLOWED, () => new Promise(() => undefined));
      void known.looked?.then(() => states.push(`known: ${known.program?.argv[0]}`));
      void hidden.looked?.then(() => states.push('hidden'));
      await jest.advanceTimersByTimeAsync(500);
      expect(states).toEqual([]);
      found(PROGRAM);
      await jest.advanceTimersByTimeAsync(499);
      expect(states).toEqual(['known: curl']);
      await jest.advanceTimersByTimeAsync(1);
      expect(states).toEqual(['known: curl', 'hidden']);
    } finally {
      jest.useRealTimers();
    }
    expect(made().record(to('c.test'), ALLOWED, curl).looked).toBeUndefined();
  });

  test('are the only reason to look for a program', async () => {
    const find = jest.fn(curl);
    const requests = made();
    requests.record(to('a.test'), ALLOWED, find);
    expect(find).not.toHaveBeenCalled();
    const loop = take(requests, 1);
    requests.record(to('b.test'), ALLOWED, find);
    await loop;
    requests.record(to('c.test'), ALLOWED, find);
    expect(find).toHaveBeenCalledTimes(1);
  });
});
