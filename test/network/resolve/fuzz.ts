/**
 * Fuzzes the coding of DNS messages in both directions: `npm run fuzz:dns -- [INPUTS] [SEED]`. What is decoded are questions
 * and answers of our own, with bytes changed, ends cut off and parts mixed. What is encoded must be decoded as it was meant.
 */
import {
  type Question,
  type Reply,
  decodeAnswer,
  decodeQuery,
  encodeQuestion,
  encodeReply,
} from '../../../lib/network/resolve/dns-message';
import { Random } from '../../fixtures/random';

/** What has come of it. */
export interface FuzzResult {
  inputs: number;
  /** Inputs that were a question, and inputs that were an answer. */
  questions: number;
  answers: number;
}

/** Bytes that decide: lengths, pointers, types, counts. */
const INTERESTING = [0, 1, 5, 12, 28, 63, 64, 127, 128, 191, 192, 193, 255];

/** Decodes so many mutations, and throws at the first that ends in anything but a value. */
export function fuzz(inputs: number, seed: number): FuzzResult {
  const random = new Random(seed);
  const result = { inputs, questions: 0, answers: 0 };
  for (let i = 0; i < inputs; i++) {
    const { question, reply, messages } = conversation(random);
    const input = mutated(random.of(messages), messages, random);
    try {
      mustAgree(question, reply);
      if (answered(input, reply)) result.questions++;
      if (decodeAnswer(input, question) !== undefined) result.answers++;
    } catch (error) {
      throw new Error(`seed ${seed}, input ${i}: ${input.toString('hex')}`, { cause: error });
    }
  }
  return result;
}

interface Conversation {
  question: Question;
  reply: Reply;
  messages: Buffer[];
}

function conversation(random: Random): Conversation {
  const labels = Array.from({ length: 1 + random.below(6) }, () => 'abcdefghijklm'.slice(random.below(12)));
  const type = random.of(['A', 'AAAA'] as const);
  const question: Question = { id: random.below(0x10000), name: labels.join('.'), type };
  const values = Array.from({ length: random.below(5) }, () =>
    type === 'A' ? `10.0.0.${random.below(256)}` : `fd00::${(1 + random.below(0xffff)).toString(16)}`,
  );
  const reply = { code: 0, values, ttl: random.below(100) };
  const asked = encodeQuestion(question) ?? Buffer.alloc(0);
  const query = decodeQuery(asked);
  return { question, reply, messages: [asked, query === undefined ? asked : encodeReply(query, reply, 512)] };
}

/** What was not changed arrives as it was sent. */
function mustAgree(question: Question, reply: Reply): void {
  const query = decodeQuery(encodeQuestion(question) ?? Buffer.alloc(0));
  const answer = query === undefined ? undefined : decodeAnswer(encodeReply(query, reply, 512), question);
  const isSame = answer?.addresses.join() === reply.values.join() && answer.code === 0;
  if (!isSame) throw new Error(`${JSON.stringify(question)}: ${JSON.stringify(answer)} for ${JSON.stringify(reply)}`);
}

/** Answers what may be a question. The answer may not be longer than allowed, and has the number of the question. */
function answered(input: Buffer, reply: Reply): boolean {
  const query = decodeQuery(input);
  if (query === undefined) return false;
  const answer = encodeReply(query, reply, 512);
  if (answer.length > 512 || answer.readUInt16BE(0) !== input.readUInt16BE(0)) throw new Error('a wrong answer');
  return query.code === 0;
}

function mutated(message: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let bytes = Buffer.from(message);
  for (let changes = random.below(6); changes > 0; changes--) bytes = changed(bytes, others, random);
  return bytes;
}

function changed(bytes: Buffer, others: readonly Buffer[], random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length + 1);
  switch (random.below(5)) {
    case 0:
      copy[at] = random.below(256);
      return copy;
    case 1:
      copy[at] = random.of(INTERESTING);
      return copy;
    case 2:
      return Buffer.from(copy.subarray(0, at));
    case 3:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + random.below(16))]);
    default: {
      const other = random.of(others);
      const from = random.below(other.length + 1);
      return Buffer.concat([copy.subarray(0, at), other.subarray(from, from + random.below(64)), copy.subarray(at)]);
    }
  }
}

function main(): void {
  const [inputs = 1_000_000, seed = Date.now() >>> 0] = process.argv.slice(2).map(Number);
  Error.stackTraceLimit = 0; // nearly all of the time would go into stacks that nobody reads
  const started = Date.now();
  const { questions, answers } = fuzz(inputs, seed);
  const seconds = (Date.now() - started) / 1000;
  console.log(
    `${inputs} inputs, seed ${seed}: ${questions} were questions, ${answers} answers, no fault, ${seconds.toFixed(1)} s`,
  );
}

if (require.main === module) main();
