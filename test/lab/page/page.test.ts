/** The page of a lab: who may see it, what it shows, and what a click does. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { Lab, type LabPage } from '../../../lib/lab';
import { Browser } from '../../fixtures/chromium';
import { eventually } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';

let lab: Lab;
let page: LabPage;
let port: number;
let token: string;

beforeEach(async () => {
  lab = await Lab.create({ seed: 42 });
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const wan = await lab.addNetwork('wan', { subnet: '203.0.113.0/24' });
  await lab.addHosts(['a', 'b'], { on: lan });
  await lab.addRouter('gateway', { on: [lan, wan] });
  await lab.addHost('web', { on: wan });
  page = await lab.page();
  const url = new URL(page.url);
  [port, token] = [Number(url.port), url.hash.slice(1)];
});
afterEach(() => lab.close());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const { statusCode: status = 0, headers: received } = response;
      text(response).then((read) => resolve({ status, headers: received, body: read }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

const authorized = (): Record<string, string> => ({ authorization: `Bearer ${token}` });
const act = (action: object): Promise<Answer> => ask('/api/do', authorized(), 'POST', JSON.stringify(action));

describe('the server', () => {
  test('listens on 127.0.0.1 only, and says its address with the token that it takes', async () => {
    expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{32}$/);
    expect(inspect(page)).toBe(`LabPage { port: ${port} }`);
    expect((await ask('/')).body).toContain('<title>lab</title>');
  });

  test('tells and does nothing without the token', async () => {
    for (const path of ['/api/live', '/api/do', '/api/other', '/../../etc/passwd']) {
      for (const authorization of ['', 'Bearer', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`]) {
        const method = path === '/api/do' ? 'POST' : 'GET';
        const answer = await ask(path, { authorization }, method, JSON.stringify({ do: 'crash', host: 'a' }));
        expect(answer).toMatchObject({ status: 401, body: '{"error":"the token is missing"}' });
      }
    }
    expect(lab.hosts.get('a')?.state).toBe('running');
    expect((await ask(`/?${token}`)).status).toBe(401);
  });

  test('answers for no other name, which may lead here from elsewhere', async () => {
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`]) {
      expect((await ask('/', { host })).status).toBe(421);
      expect((await ask('/api/do', { ...authorized(), host }, 'POST', '{}')).status).toBe(421);
    }
    expect((await ask('/', { host: `localhost:${port}` })).status).toBe(200);
  });

  test('lets no other page in, and none have it', async () => {
    const { headers } = await ask('/page.js');
    expect(headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('does what it is told, and says what is wrong with it', async () => {
    expect((await act({ do: 'crash', host: 'a' })).status).toBe(200);
    expect(lab.hosts.get('a')?.state).toBe('crashed');
    for (const [action, words] of [
      [{ do: 'explode', host: 'a' }, 'action.do'],
      [{ do: 'crash', host: 'nobody' }, 'must be a host of this lab'],
      [{ do: 'crash' }, 'action.host'],
      [{ do: 'down', host: 'b', network: 'wan' }, 'must be a network that host b is on'],
      [{ do: 'crash', host: 'a', network: 'lan' }, 'network'],
      [null, 'action'],
      [{ do: 'impair', network: 'lan', impairment: { delay: -1 } }, 'impairment.delay'],
      [{ do: 'impair', network: 'no', impairment: null }, 'must be a network of this lab'],
    ] as const) {
      const { status, body } = await act(action as object);
      expect(status).toBe(400);
      expect((JSON.parse(body) as { error: string }).error).toContain(words);
    }
    expect((await ask('/api/do', authorized(), 'POST', '{')).status).toBe(400);
    const long = await ask('/api/do', authorized(), 'POST', 'x'.repeat(100_000)).catch(() => ({ status: 400 }));
    expect(long.status).toBe(400);
    expect((await ask('/api/do', authorized(), 'PUT', '{}')).status).toBe(404);
  });

  interface Line {
    state?: { hosts: Record<string, { state: string }> };
    events?: { what: string }[];
    links?: object[];
  }

  test('tells what there is, and what changes', async () => {
    const lines: Line[] = [];
    const options = { host: '127.0.0.1', port, path: '/api/live', headers: authorized(), agent: false } as const;
    const live = request(options, (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        lines.push(...parts.map((part) => JSON.parse(part) as Line));
      });
    });
    live.on('error', () => undefined).end();
    await eventually(() => lines.length > 0);
    expect(Object.keys(lines[0]?.state?.hosts ?? {})).toEqual(['a', 'b', 'gateway', 'web']);
    expect(lines[0]?.events?.map(({ what }) => what)).toContain('network lan 10.0.0.0/24');
    await lab.hosts.get('web')?.crash();
    await eventually(() => lines.some(({ state }) => state?.hosts.web?.state === 'crashed'));
    await lab.ping('a', 'b');
    await eventually(() => lines.some(({ links = [] }) => links.length === 5));
    live.destroy();
  });

  test('ends with the lab, and before it where that is wanted', async () => {
    const second = await lab.page({ port: 0 });
    await second.close();
    await expect(lab.page({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(lab.page({ port: -1 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    await lab.close();
    await expect(ask('/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(lab.page()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CLOSED' });
  });
});

needs({ tool: ['chromium'] }).describe('in a browser, the page', () => {
  let browser: Browser;
  beforeEach(async () => {
    browser = await Browser.open(page.url);
    await browser.until(`document.querySelector('#status').textContent === 'live'`);
  });
  afterEach(() => browser.close());

  const panel = `document.querySelector('#panel').textContent`;

  test('draws the lab, with its events', async () => {
    const named = `document.querySelectorAll('#picture .host .name, #picture .network .name')`;
    await browser.until(`${named}.length > 0`);
    const names = `[...${named}].map((e) => e.textContent).sort()`;
    expect(await browser.evaluate(names)).toEqual(['a', 'b', 'gateway', 'lan', 'wan', 'web']);
    expect(await browser.evaluate(`document.querySelector('#seed').textContent`)).toBe('seed 42');
    expect(await browser.evaluate(`document.querySelector('#events').textContent`)).toContain('host web on wan');
    const isSeen = `[...document.querySelectorAll('#picture .host rect, #picture .network rect')].every((e) => {
      const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight && r.left >= 0; })`;
    expect(await browser.evaluate(isSeen)).toBe(true);
    expect((await browser.screenshot()).subarray(1, 4).toString()).toBe('PNG');
  });

  test('breaks a host by a click, shows it in red, and starts it again', async () => {
    await browser.click('#picture .host[data-host="web"] rect');
    await browser.until(`${panel}.includes('203.0.113.2')`);
    await browser.press('Crash');
    await browser.until(`document.querySelector('.host.fault[data-host="web"]').textContent.includes('crashed')`);
    expect(lab.hosts.get('web')?.state).toBe('crashed');
    await browser.evaluate(`document.querySelector('.chosen').classList.remove('chosen')`);
    const red = `getComputedStyle(document.querySelector('.host.fault rect')).stroke`;
    expect(await browser.evaluate(red)).toBe('rgb(214, 69, 69)');
    await browser.press('Restart');
    await browser.until(`document.querySelector('.host.fault') === null`);
    expect(lab.hosts.get('web')?.state).toBe('running');
    await browser.press('Pause');
    await browser.until(`document.querySelector('.host.paused')`);
    await browser.press('Resume');
    await browser.until(`document.querySelector('.host.paused') === null`);
  });

  test('unplugs a cable by a click on it', async () => {
    await browser.click('#picture path[data-host="a"][data-network="lan"]');
    await browser.until(`${panel}.includes('a on lan')`);
    await browser.press('Unplug');
    await browser.until(`document.querySelector('path.fault[data-host="a"]')`);
    expect([...(lab.hosts.get('a')?.unplugged ?? [])]).toEqual(['lan']);
    await browser.press('Plug in');
    await browser.until(`document.querySelector('path.fault') === null`);
  });

  test('impairs a network by a form, isolates a host, and heals all', async () => {
    await browser.click('#picture .network[data-network="lan"] rect');
    await browser.type('input[name="delay"]', '50');
    await browser.type('input[name="loss"]', '2');
    await browser.press('Impair');
    await browser.until(`document.querySelector('#panel .error')?.textContent.includes('loss')`);
    await browser.evaluate(`document.querySelector('input[name="loss"]').value = '0.01'`);
    await browser.press('Impair');
    await browser.until(`document.querySelectorAll('#picture path.fault').length === 3`);
    expect(lab.faults).toEqual([{ kind: 'impair', on: { network: 'lan' }, impairment: { delay: 50, loss: 0.01 } }]);
    expect(await browser.evaluate(`document.querySelector('#picture').textContent`)).toContain('50 ms, 1 % lost');
    await browser.click('#picture path[data-host="web"][data-network="wan"]');
    await browser.type('input[name="rate"]', '10mbit');
    await browser.press('Impair');
    await browser.until(`document.querySelector('#picture path.fault[data-host="web"]')`);
    const isolate = `[...document.querySelectorAll('button')].some((b) => b.textContent === 'Isolate')`;
    await browser.clickUntil('#picture .host[data-host="b"] rect', isolate);
    await browser.press('Isolate');
    await browser.until(`document.querySelector('.host.fault[data-host="b"]').textContent.includes('cut off')`);
    expect(await browser.evaluate(`document.querySelector('#faults').textContent`)).toContain('isolate b');
    expect((await lab.ping('a', 'b', { timeout: 300 })).received).toBe(0);
    await browser.press('Heal all');
    await browser.until(`document.querySelector('#picture .fault') === null`);
    expect(lab.faults).toEqual([]);
    expect((await lab.ping('a', 'b', { timeout: 5000 })).received).toBe(1);
  });

  test('shows traffic on the wires that it takes', async () => {
    const busy = `[...document.querySelectorAll('path.busy')].map((e) => e.dataset.host).sort().join()`;
    await eventually(async () => {
      await lab.ping('a', 'b', { count: 20, interval: 0, size: 1000 });
      return (await browser.evaluate(busy)) === 'a,b';
    });
  });

  test('follows what the program does, and says when the lab is gone', async () => {
    await lab.addHost('new', { on: 'wan' });
    await browser.until(`document.querySelector('.host[data-host="new"]')`);
    await lab.hosts.get('new')?.close();
    await browser.until(`document.querySelector('.host[data-host="new"]') === null`);
    await lab.close();
    await browser.until(`document.querySelector('#status').textContent === 'the lab is gone'`);
  });

  test('without the token shows nothing of the lab', async () => {
    const stranger = await Browser.open(`http://127.0.0.1:${port}/#wrong`);
    await stranger.until(`document.querySelector('#status').className === 'lost'`);
    expect(await stranger.evaluate(`document.querySelector('#picture').childElementCount`)).toBe(0);
    await stranger.close();
  });
});
