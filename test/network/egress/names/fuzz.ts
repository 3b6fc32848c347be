/** Fuzzes what answers DNS messages in an egress, with messages as programs send them, changed at random. */
import { Names } from '../../../../lib/network/egress/names/names';
import { decodeQuery, encodeReply } from '../../../../lib/network/resolve/dns-message';
import { native } from '../../../../lib/native';
import { Random } from '../../../fixtures/random';

/** A, AAAA, PTR, HTTPS, SVCB, TXT, ANY, AXFR and one that does not exist. */
const TYPES = [1, 28, 12, 65, 64, 16, 255, 252, 65280];

const LABELS = ['a', 'example', 'test', 'localhost', 'in-addr', 'arpa', '18', '198', '-', '_dns', 'xn--', '\0'];

/** Sends so many messages. Throws at the first answer that is not right, and at whatever else is thrown. */
export function fuzz(inputs: number, seed: number): { answered: number } {
  const random = new Random(seed);
  const names = new Names((name) => name.length % 2 === 0, true);
  let answered = 0;
  for (let input = 0; input < inputs; input++) {
    const message = changed(messageOf(random), random);
    const query = decodeQuery(message);
    if (query === undefined) continue;
    const { reply } = names.respond(query);
    if (reply === undefined || encodeReply(query, reply, 512).length > 512) throw failure(seed, input, message);
    const isRight = reply.values.every((value) => query.type === 'PTR' || isAddressOf(names, query.name, value));
    if (!isRight || names.size > 16_384 + 1024) throw failure(seed, input, message);
    answered += reply.values.length;
  }
  return { answered };
}

function main(): void {
  const [inputs = 1_000_000, seed = Date.now() >>> 0] = process.argv.slice(2).map(Number);
  const started = Date.now();
  const { answered } = fuzz(inputs, seed);
  const seconds = (Date.now() - started) / 1000;
  console.log(`${inputs} inputs, seed ${seed}: ${answered} answers of an egress, no fault, ${seconds.toFixed(1)} s`);
}

if (require.main === module) main();

function isAddressOf(names: Names, name: string, address: string): boolean {
  if (native().addressBytes(address) === undefined) return false;
  return names.nameOf(address) === name || (name.endsWith('localhost') && /^(127\.0\.0\.1|::1)$/.test(address));
}

function messageOf(random: Random): Buffer {
  const labels = Array.from({ length: random.below(7) }, () => Buffer.from(random.of(LABELS), 'latin1'));
  if (random.below(10) === 0) labels.unshift(Buffer.alloc(1 + random.below(64), 'A'));
  const name = labels.flatMap((label) => [Buffer.of(label.length), label]);
  const head = Buffer.from([random.below(256), random.below(256), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const type = random.of(TYPES);
  return Buffer.concat([head, ...name, Buffer.from([0, type >> 8, type & 0xff, 0, 1])]);
}

function changed(message: Buffer, random: Random): Buffer {
  const copy = Buffer.from(message);
  for (let changes = random.below(4); changes > 0; changes--) copy[random.below(copy.length)] = random.below(256);
  return random.below(8) === 0 ? copy.subarray(0, random.below(copy.length)) : copy;
}

function failure(seed: number, input: number, message: Buffer): Error {
  return new Error(`seed ${seed}, input ${input}: ${message.toString('hex')}`);
}
