/**
 * Packet loss that can be repeated: of the datagrams that one host of a lab sends to another a third is lost, in bursts,
 * and the seed of the lab decides which. The same seed loses the same ones.
 *
 *     npx tsx examples/lab-loss.ts [SEED]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Host, Lab } from 'linux-ns/lab';
import { fail } from './command-line';

const COUNT = 60;
const PORT = 5000;

async function main(): Promise<void> {
  const seed = Number(process.argv[2] ?? 42);
  const first = await fates(seed);
  console.log(`seed ${seed}:       ${first}`);
  const second = await fates(seed);
  console.log(`seed ${seed} again: ${second}`);
  console.log(first === second ? 'the same datagrams were lost' : 'other datagrams were lost');
}

/** A sign for each datagram: `█` for one that has arrived, `·` for one that was lost. */
async function fates(seed: number): Promise<string> {
  await using lab = await Lab.create({ seed });
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const [a, b] = await lab.addHosts(['a', 'b'], { on: lan });
  const arrived = await listen(b);
  await sendUntil(a, 'begin', arrived); // the address of b is resolved then, and nothing waits for it
  await lan.impair({ loss: 1 / 3, burst: 3 });
  const sender = await a.createSocket('udp4');
  for (let number = 0; number < COUNT; number++) {
    await new Promise((resolve) => sender.send(String(number), PORT, 'b', resolve));
  }
  await sendUntil(a, 'end', arrived); // what was sent before it has arrived, or never will
  return Array.from({ length: COUNT }, (_, number) => (arrived.has(String(number)) ? '█' : '·')).join('');
}

async function listen(host: Host): Promise<Set<string>> {
  const arrived = new Set<string>();
  const socket = await host.createSocket({ type: 'udp4', port: PORT });
  socket.on('message', (message) => arrived.add(String(message)));
  return arrived;
}

async function sendUntil(host: Host, text: string, arrived: ReadonlySet<string>): Promise<void> {
  const sender = await host.createSocket('udp4');
  while (!arrived.has(text)) {
    sender.send(text, PORT, 'b');
    await sleep(5);
  }
}

main().catch(fail);
