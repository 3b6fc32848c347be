/** What becomes of networks when Workers end, or move. See test/fixtures/scenario.ts. */
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { unshare } from '../../lib';
import { runBody } from '../../lib/launch/launch';
import { Network } from '../../lib/network';
import { SocketServer } from '../../lib/network/socket-server';
import { type Footprint, footprint, moreThan } from '../fixtures/footprint';
import { libraryWorker, warmUp } from '../fixtures/worker';

const ASK_FOREVER = `
  const set = await linux.unshare(['user', 'net']);
  const net = await door('network').Network.open(set);
  const watch = net.watch();
  report('begun');
  for (let i = 0; ; i++) {
    await Promise.all([net.link.add({ name: 'v' + i, kind: 'veth' }), net.dump(), watch.next()]);
  }`;

/** Workers are terminated at random moments of their requests; what is left in this process. */
export async function terminatedWorkers(rounds: number): Promise<Footprint> {
  const round = async (): Promise<void> => {
    const asking = libraryWorker(ASK_FOREVER);
    await once(asking, 'message');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    await asking.terminate();
  };
  await Promise.all([round(), round(), round(), round()]);
  await warmUp();
  const before = footprint();
  for (let done = 0; done < rounds; done += 2) await Promise.all([round(), round()]);
  return moreThan(before);
}

/** For a process of few descriptors: opens its own network with room for none of its sockets, for one, and so on. */
export async function withoutDescriptors(): Promise<unknown> {
  await (await Network.open()).close();
  const sockets = (): number => footprint().descriptors.filter((name) => name.includes('socket:')).length;
  const before = sockets();
  const held: number[] = [];
  const hold = (): boolean => {
    try {
      return held.push(openSync('/dev/null', 'r')) > 0;
    } catch {
      return false;
    }
  };
  while (hold());
  const codes = new Set<unknown>();
  for (let free = 0; free < 3; free++) {
    await Network.open().then(
      (network) => network.close(),
      (error: unknown) => codes.add((error as { code?: string }).code),
    );
    closeSync(held.pop()!);
  }
  for (const fd of held) closeSync(fd);
  return { codes: [...codes], left: sockets() - before };
}

/** A Worker leaves its network for a new one; names of links in there, and in the one that this thread is in. */
export async function movedWorker(): Promise<unknown> {
  const moved = libraryWorker(`
    linux.thread.unshareSync('net');
    const net = await door('network').Network.open();
    await net.link.add({ name: 'inside', kind: 'veth' });
    await net.sysctl.set('net.ipv4.ip_forward', 1);
    const links = await net.link.list();
    const forwarding = await net.sysctl.get('net.ipv4.ip_forward');
    await net.close();
    report({ inside: links.map(({ name }) => name), forwarding });`);
  const [told] = (await once(moved, 'message')) as [object];
  await using host = await Network.open();
  return { ...told, outside: (await host.link.list()).map(({ name }) => name) };
}

/** Prints the pid of the task that makes sockets, and has it make some without end. */
export async function socketServer(): Promise<void> {
  const { server, pid } = await servedOnce();
  process.stdout.write(`${pid}\n`);
  for (;;) closeSync(await server.make([2, 1, 0]));
}

/** Closes what makes sockets while its task cannot end at once, and nothing else goes on in this process. */
export async function closedSocketServer(): Promise<string> {
  const { server, pid } = await servedOnce();
  process.kill(pid, 'SIGSTOP');
  await server.close();
  return 'closed';
}

/** The pid of a task that makes sockets, and has made one. */
async function servedOnce(): Promise<{ server: SocketServer; pid: number }> {
  const set = await unshare(['user', 'net']);
  const before = footprint();
  const server = new SocketServer((steps, answers) =>
    runBody({ join: [set.user!, set.net!] }, { steps, ids: 'default', answers }),
  );
  closeSync(await server.make([2, 1, 0]));
  return { server, pid: Number(footprint().children.find((pid) => !before.children.includes(pid))) };
}
