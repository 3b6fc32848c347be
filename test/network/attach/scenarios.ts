/** Processes that have a network attached. See test/fixtures/scenario.ts. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceError, unshare } from '../../../lib';
import { type AttachProgram, Network } from '../../../lib/network';
import { ONE_WAIT, PATIENCE } from '../../fixtures/patience';
import { nodeArguments } from '../../fixtures/scenario';

/** Dies by a signal that it can do nothing about. */
export async function dies(program: AttachProgram): Promise<void> {
  const set = await unshare(['user', 'net']);
  const { pid } = await Network.attach(set, { with: program });
  process.stdout.write(`pid: ${pid}\n`, () => process.kill(process.pid, 'SIGKILL'));
  await new Promise((resolve) => setTimeout(resolve, PATIENCE));
}

/** Has nothing more to do. */
export async function endsByItself(program: AttachProgram): Promise<number> {
  const set = await unshare(['user', 'net']);
  return (await Network.attach(set, { with: program })).pid;
}

/** Finds no program at all. */
export async function withoutPrograms(program: AttachProgram): Promise<unknown> {
  process.env.PATH = '/nonexistent';
  const set = await unshare(['user', 'net']);
  try {
    await Network.attach(set, { with: program });
    return {};
  } catch (error) {
    const { name, code, path, step, hint } = error as NamespaceError;
    return { error: { name, code, path, step, hint } };
  } finally {
    await set.close();
  }
}

/** Says that it is ready, and then ends, or hears requests and never answers. */
const STRANGE_SLIRP = `#!${process.execPath}
const api = process.argv.find((argument) => argument.startsWith('--api-socket=')).slice(13);
const ready = () => require('node:fs').writeSync(5, '1');
if (process.argv.at(-1) === 'ends') ready();
else require('node:net').createServer({ allowHalfOpen: true }, (socket) => socket.resume()).listen(api, ready);
`;

/** A slirp4netns that ends, or is silent, when it is to forward ports. */
export async function strangeSlirp(what: 'ends' | 'silent'): Promise<unknown> {
  const directory = mkdtempSync(join(tmpdir(), 'ns-slirp-'));
  writeFileSync(join(directory, 'slirp4netns'), STRANGE_SLIRP, { mode: 0o755 });
  chmodSync(directory, 0o755);
  process.env.PATH = directory;
  const set = await unshare(['user', 'net']);
  const controller = new AbortController();
  const options = { with: 'slirp4netns', ports: [8099], interface: what, signal: controller.signal } as const;
  const attaching = Network.attach(set, options).then(
    () => ({}),
    (error: unknown) => {
      const { name, code } = error as NamespaceError;
      return { name, code };
    },
  );
  if (what === 'silent') setTimeout(() => controller.abort(), 2000);
  const outcome = await attaching;
  await set.close();
  rmSync(directory, { recursive: true });
  return outcome;
}

/** In namespaces that stand for a host, with a name server of its own: {@link asksTheHost}. */
export async function inAnotherHost(program: AttachProgram): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'ns-host-'));
  const host = await unshare(['user', 'mnt', 'net']);
  try {
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    await host.mount({ bind: true, source: join(folder, 'resolv.conf'), target: '/etc/resolv.conf' });
    const { stdout } = await host.execFile(process.execPath, nodeArguments(__filename, 'asksTheHost', [program]));
    return JSON.parse(/^result: (.*)$/m.exec(stdout)?.[1] ?? 'null') as unknown;
  } finally {
    await host.close();
    rmSync(folder, { recursive: true });
  }
}

/** Looks a name up in an attached network, by the name server in there. */
export async function asksTheHost(program: AttachProgram): Promise<unknown> {
  // pasta asks for an interface with a default route, though nothing goes that way.
  const network = await Network.open();
  await network.link.add({ name: 'eth0', kind: 'bridge', up: true });
  await network.address.add('eth0', '192.0.2.2/24');
  await network.route.add({ to: 'default', via: '192.0.2.1' });
  await network.close();
  const asked: string[] = [];
  const server = createSocket('udp4').bind(53, '127.0.0.1');
  await once(server, 'listening');
  server.on('message', (query, { port, address }) => {
    asked.push(nameIn(query));
    server.send(answerTo(query), port, address);
  });
  const set = await unshare(['user', 'net']);
  const { dns } = await Network.attach(set, { with: program });
  const net = await Network.open(set);
  const found = await net.lookup('www.host.test', { servers: [dns], family: 4, timeout: ONE_WAIT, attempts: 1 });
  await net.close();
  await set.close();
  server.close();
  return { found, asked };
}

/** The name that a question of the domain name system is about. */
function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query.readUInt8(at) !== 0; at += query.readUInt8(at) + 1) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query.readUInt8(at)));
  }
  return labels.join('.');
}

/** The same as an answer, with one address. */
function answerTo(query: Buffer): Buffer {
  const answer = Buffer.concat([query, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 11, 12, 13])]);
  answer.writeUInt16BE(0x8180, 2);
  answer.writeUInt16BE(1, 6);
  return answer;
}
