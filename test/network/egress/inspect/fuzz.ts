/**
 * Fuzzes the look at what a client sends: `npm run fuzz:inspect -- [INPUTS] [SEED]`. Inputs are connections of HTTP/1 and of
 * TLS, some of which name another host, with bytes changed, ends cut off and parts mixed. The verdict may not depend on how
 * the bytes are cut; and no request, or ClientHello, that a lenient parser finds in what has passed names another host.
 */
import { Inspector } from '../../../../lib/network/egress/inspect/inspector';
import { Random } from '../../../fixtures/random';
import { extension, handshake, hello, record, serverName } from './hello';

/** What has come of it. */
export interface FuzzResult {
  inputs: number;
  /** Inputs that were refused, and those that have passed whole. */
  refused: number;
  passed: number;
}

const NAME = 'www.example.com';
const OTHER = 'evil.example.org';

/** Looks at so many mutations, and throws at the first that shows a fault. */
export function fuzz(inputs: number, seed: number): FuzzResult {
  const random = new Random(seed);
  const result = { inputs, refused: 0, passed: 0 };
  for (let i = 0; i < inputs; i++) {
    const parts = random.chance(0.75) ? httpParts(random) : tlsParts(random);
    const input = mutated(Buffer.concat(parts), parts, random);
    try {
      const { passed, cause } = verdictOf(input, random);
      mustNameNoOther(passed);
      if (cause !== undefined) result.refused++;
      else if (passed.length === input.length) result.passed++;
    } catch (error) {
      throw new Error(`seed ${seed}, input ${i}: ${input.toString('hex')}`, { cause: error });
    }
  }
  return result;
}

interface Verdict {
  passed: Buffer;
  cause: string | undefined;
  sentence: string | undefined;
}

/** The verdict at once, and in chunks, which has to be the same. */
function verdictOf(input: Buffer, random: Random): Verdict {
  const atOnce = inspected(input, () => input.length);
  const most = 1 + random.below(40);
  const inChunks = inspected(input, () => 1 + random.below(most));
  const isSame =
    atOnce.passed.equals(inChunks.passed) && atOnce.cause === inChunks.cause && atOnce.sentence === inChunks.sentence;
  if (isSame) return atOnce;
  throw new Error(
    `at once: ${atOnce.passed.length} ${atOnce.sentence}; in chunks: ${inChunks.passed.length} ${inChunks.sentence}`,
  );
}

function inspected(input: Buffer, size: () => number): Verdict {
  const inspector = new Inspector({ name: NAME, port: 80 }, () => undefined);
  const passed: Buffer[] = [];
  for (let at = 0; at < input.length;) {
    const end = at + size();
    const chunk = Buffer.from(input.subarray(at, end));
    const { pass, refusal } = inspector.fromClient(chunk);
    passed.push(...pass.map((bytes) => Buffer.from(bytes)));
    chunk.fill(0);
    at = end;
    if (refusal === undefined) continue;
    inspector.close();
    return { passed: Buffer.concat(passed), cause: refusal.cause, sentence: refusal.sentence };
  }
  inspector.close();
  return { passed: Buffer.concat(passed), cause: undefined, sentence: undefined };
}

/** A request line, with all that servers are lenient about. Its method is a token with a letter for all of them. */
const REQUEST_LINE = /^[\t\v\f ]*(?=\S*[A-Za-z])[!#$%&'*+.^_`|~\w-]+[\t\v\f ]+.*[\t\v\f ]http[\t\v\f ]*\/[\t\v\f ]*1/i;

/** A line of a head that names the other host: its field, or its authority, which ends before the path. */
const OTHER_HOST = /^\s*(?:host\s*:.*|\S+\s+http:\/\/[^/?#]*)evil/i;

/** How a server takes a request that has several lengths, or chunks as well. */
interface Leniency {
  takes: 'first' | 'last';
  prefers: 'chunks' | 'length';
}

const LENIENCIES: readonly Leniency[] = [
  { takes: 'first', prefers: 'chunks' },
  { takes: 'last', prefers: 'chunks' },
  { takes: 'first', prefers: 'length' },
  { takes: 'last', prefers: 'length' },
];

/** The extensions of a ClientHello that have another name. */
const OTHER_NAMES = [serverName(OTHER), serverName(NAME, OTHER), serverName(OTHER, NAME), serverName(OTHER, OTHER)];

/** Reads what a server would get as leniently as servers are, and throws where that names another host. */
function mustNameNoOther(passed: Buffer): void {
  if (passed[0] !== 22 || passed[1] !== 3) {
    for (const leniency of LENIENCIES) requestsMustNameNoOther(passed, leniency);
  } else if (OTHER_NAMES.some((each) => passed.includes(each))) {
    throw new Error('a ClientHello with another name has passed');
  }
}

function requestsMustNameNoOther(passed: Buffer, leniency: Leniency): void {
  for (let at: number | undefined = 0; at !== undefined && at < passed.length;) {
    const end = headEnd(passed, at);
    if (end === undefined) return;
    const lines = passed.toString('latin1', at, end).split(/\r\n|\r|\n/);
    const isRequest = REQUEST_LINE.test(lines.find((line) => line.trim() !== '') ?? '');
    if (!isRequest) return; // another protocol, and then nothing is promised
    const isOther = lines.some((line) => OTHER_HOST.test(line));
    if (isOther) throw new Error(`another host has passed: ${lines.join(' / ')}`);
    at = bodyEnd(passed, end, lines, leniency);
  }
}

/** The end of a head by the first empty line, whatever ends its lines. */
function headEnd(bytes: Buffer, from: number): number | undefined {
  const found = /(?:\r\n|\r(?!\n)|\n)[\t ]*(?:\r\n|\r(?!\n)|\n)/.exec(bytes.toString('latin1', from));
  return found === null ? undefined : from + found.index + found[0].length;
}

function bodyEnd(
  bytes: Buffer,
  from: number,
  lines: readonly string[],
  { takes, prefers }: Leniency,
): number | undefined {
  const hasChunks = lines.some((line) => /^transfer[-_]encoding\s*:.*chunked/i.test(line));
  const lengths = lines
    .map((line) => /^content[-_]length\s*:\s*\+?(\d+)/i.exec(line)?.[1])
    .filter((each) => each !== undefined);
  if (hasChunks && (prefers === 'chunks' || lengths.length === 0)) return chunksEnd(bytes, from);
  return from + Number(lengths.at(takes === 'first' ? 0 : -1) ?? 0);
}

function chunksEnd(bytes: Buffer, from: number): number | undefined {
  for (let at = from; ;) {
    const end = bytes.indexOf(10, at);
    const size = parseInt(bytes.toString('latin1', at, end), 16);
    if (end < 0 || Number.isNaN(size)) return undefined;
    if (size > 0) {
      const next = bytes.indexOf(10, end + 1 + size);
      if (next < 0) return undefined;
      at = next + 1;
      continue;
    }
    return /^\r?\n/.test(bytes.toString('latin1', end + 1, end + 3))
      ? bytes.indexOf(10, end + 1) + 1
      : headEnd(bytes, end - 1);
  }
}

const HOSTS = [NAME, NAME, NAME, NAME, `${NAME}:80`, OTHER, `${NAME}@${OTHER}`];
const FIELDS = [
  'X: y',
  'Content-Length: 0',
  'Content-Length: 4',
  'Content_Length: 0',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: x',
  'Connection: close',
  'Upgrade: h2c',
  ' folded: x',
  `X: y\rHost: ${OTHER}`,
  `X: y\nHost: ${OTHER}`,
];

/** What is no request while it is in a body. */
const HIDDEN = `GET / HTTP/1.1\r\nHost: ${OTHER}\r\n\r\n`;

/** Some requests on one connection. */
function httpParts(random: Random): Buffer[] {
  return Array.from({ length: 1 + random.below(3) }, () => {
    const target = random.of(['/', '/x?y', `http://${random.of(HOSTS)}/`, '*']);
    const lines = [`${random.of(['GET', 'POST', 'OPTIONS', 'get'])} ${target} HTTP/1.${random.of(['1', '1', '0'])}`];
    lines.push(`Host: ${random.of(HOSTS)}`);
    if (random.chance(0.3)) lines.push(random.of(FIELDS));
    const content = random.of(['hello', HIDDEN, `0\r\n\r\n${HIDDEN}`]);
    const chunks = `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`;
    const [field, body] = random.of([
      [undefined, ''],
      [`Content-Length: ${content.length}`, content],
      ['Transfer-Encoding: chunked', chunks],
    ]);
    if (field !== undefined) lines.push(field);
    if (random.chance(0.1)) lines.push(random.of(FIELDS));
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  });
}

/** A ClientHello in some records, and something after it. */
function tlsParts(random: Random): Buffer[] {
  const names = Array.from({ length: random.of([1, 1, 1, 2]) }, () => random.of([NAME, NAME, NAME, OTHER]));
  const more = extension(random.of([16, 43, 51, 0xfe0d, 0]), Buffer.alloc(random.below(20)));
  const pair = [serverName(...names), random.chance(0.1) ? serverName(OTHER) : more];
  const extensions = random.chance(0.5) ? pair : pair.reverse();
  const whole = hello({ session: random.of([0, 32]), extensions });
  const message = whole.subarray(5);
  const at = 1 + random.below(message.length - 1);
  const first = random.chance(0.5) ? whole : record(message.subarray(0, at), message.subarray(at));
  return [
    first,
    random.of([Buffer.alloc(0), Buffer.from([20, 3, 3, 0, 1, 1]), record(handshake(16, Buffer.alloc(9)))]),
  ];
}

/** Bytes that decide. */
const INTERESTING = [0, 9, 10, 11, 13, 32, 34, 44, 58, 59, 95, 127, 128, 255];

function mutated(input: Buffer, parts: readonly Buffer[], random: Random): Buffer {
  let bytes = input;
  for (let changes = random.of([0, 0, 1, 1, 2, 4]); changes > 0; changes--) bytes = changed(bytes, parts, random);
  return bytes;
}

function changed(bytes: Buffer, parts: readonly Buffer[], random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length + 1);
  switch (random.below(6)) {
    case 0:
      copy[at] = random.of(INTERESTING);
      return copy;
    case 1:
      copy[at] = random.below(256);
      return copy;
    case 2:
      return copy.subarray(0, at);
    case 3:
      return Buffer.concat([copy.subarray(0, at), Buffer.from([random.of(INTERESTING)]), copy.subarray(at)]);
    case 4:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + random.below(4))]);
    default: {
      const other = random.of(parts);
      const from = random.below(other.length + 1);
      return Buffer.concat([copy.subarray(0, at), other.subarray(from, from + random.below(64)), copy.subarray(at)]);
    }
  }
}

function main(): void {
  const [inputs = 1_000_000, seed = Date.now() >>> 0] = process.argv.slice(2).map(Number);
  const started = Date.now();
  const { refused, passed } = fuzz(inputs, seed);
  const seconds = (Date.now() - started) / 1000;
  console.log(
    `${inputs} inputs, seed ${seed}: ${refused} were refused, ${passed} passed, no fault, ${seconds.toFixed(1)} s`,
  );
}

if (require.main === module) main();
