/**
 * NAT traversal: two peers, each behind a NAT of one of the four types of RFC 3489, try to reach each other. A server that both
 * can reach tells each the address that the other has outside; then both send to each other. It prints which pairs
 * connect.
 *
 *     npm run example -- lab-nat
 *
 * Root or not makes no difference.
 */
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Host, Lab, type LabNetwork, type NatType } from 'linux-ns/lab';

const TYPES: readonly NatType[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric'];
const MEETING_PORT = 3478;

/** Milliseconds between two attempts, and the number of them. */
const PAUSE = 20;
const ATTEMPTS = 15;

interface Endpoint {
  address: string;
  port: number;
}

async function main(): Promise<void> {
  await using lab = await Lab.create();
  const wan = await lab.addNetwork('internet', { subnet: '203.0.113.0/24' });
  const meeting = await meetingPoint(await lab.addHost('meeting', { on: wan }));
  const left = await Promise.all(TYPES.map((type) => peer(lab, wan, `left-${type}`, type)));
  const right = await Promise.all(TYPES.map((type) => peer(lab, wan, `right-${type}`, type)));
  const width = Math.max(...TYPES.map(({ length }) => length));
  console.log(
    ['', ...TYPES]
      .map((word) => word.padEnd(width))
      .join('  ')
      .trimEnd(),
  );
  for (const [index, one] of left.entries()) {
    const results: string[] = [];
    for (const other of right) results.push((await connect(one, other, meeting)) ? 'connect' : '-');
    console.log(
      [TYPES[index] ?? '', ...results]
        .map((word) => word.padEnd(width))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** A home with one host, behind a NAT. All homes have the same addresses inside. */
async function peer(lab: Lab, wan: LabNetwork, name: string, type: NatType): Promise<Host> {
  const home = await lab.addNetwork(`${name}-home`, { subnet: '192.168.1.0/24' });
  await lab.addRouter(`${name}-router`, { on: [home, wan], nat: { network: wan, type } });
  return lab.addHost(name, { on: home });
}

/** A server that tells each who asks by which address and port it is seen. */
async function meetingPoint(host: Host): Promise<Endpoint> {
  const socket = await host.createSocket({ type: 'udp4', port: MEETING_PORT });
  socket.on('message', (_, { address, port }) => socket.send(JSON.stringify({ address, port }), port, address));
  return { address: host.addresses[0] ?? '', port: MEETING_PORT };
}

/** Both send to each other until each has heard of the other. */
async function connect(one: Host, other: Host, meeting: Endpoint): Promise<boolean> {
  const sockets = await Promise.all([one, other].map((host) => host.createSocket({ type: 'udp4', port: 0 })));
  const [first, second] = sockets as [Socket, Socket];
  const [seenFirst, seenSecond] = [await outside(first, meeting), await outside(second, meeting)];
  const heard = new Set<Socket>();
  for (const socket of sockets) {
    socket.on('message', (message, from) => {
      heard.add(socket);
      // The sender may be behind a mapping that the meeting point does not know: it is answered where it came from.
      if (String(message) === 'hello') socket.send('answer', from.port, from.address);
    });
  }
  for (let attempt = 0; attempt < ATTEMPTS && heard.size < sockets.length; attempt++) {
    first.send('hello', seenSecond.port, seenSecond.address);
    second.send('hello', seenFirst.port, seenFirst.address);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  for (const socket of sockets) socket.close();
  return heard.size === sockets.length;
}

async function outside(socket: Socket, { address, port }: Endpoint): Promise<Endpoint> {
  socket.send('where am I?', port, address);
  const [message] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(String(message)) as Endpoint;
}

void main();
