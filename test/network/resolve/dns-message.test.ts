import {
  CODE,
  type Query,
  type Question,
  decodeAnswer,
  decodeQuery,
  encodeQuestion,
  encodeReply,
  isEncodable,
  reverseName,
} from '../../../lib/network/resolve/dns-message';
import { fuzz } from './fuzz';

const QUESTION: Question = { id: 0x1234, name: 'www.lab.test', type: 'A' };

/** A name as it is written: `www.lab.test`, or with a pointer, `www.@12`. */
function name(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const label of text.split('.')) {
    const [, pointer] = /^@(\d+)$/.exec(label) ?? [];
    if (pointer !== undefined)
      return Buffer.concat([...parts, Buffer.of(0xc0 | (Number(pointer) >> 8), Number(pointer) & 0xff)]);
    parts.push(Buffer.of(label.length), Buffer.from(label));
  }
  return Buffer.concat([...parts, Buffer.of(0)]);
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name(owner), fixed, data]);
}

interface Parts {
  id?: number;
  flags?: number;
  asked?: string;
  type?: number;
  records?: Buffer[];
  count?: number;
}

function answer({ id = 0x1234, flags = 0x8180, asked = 'www.lab.test', type = 1, records = [], count }: Parts): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(count ?? records.length, 6);
  return Buffer.concat([header, name(asked), Buffer.of(0, type, 0, 1), ...records]);
}

const address = (last: number): Buffer => Buffer.of(10, 0, 0, last);

describe('a question', () => {
  test('is written as RFC 1035 has it', () => {
    expect(encodeQuestion(QUESTION)?.toString('hex')).toBe(
      '123401000001000000000000' + '03777777036c6162047465737400' + '00010001',
    );
    expect(
      encodeQuestion({ ...QUESTION, type: 'AAAA' })
        ?.subarray(-4)
        .toString('hex'),
    ).toBe('001c0001');
  });

  test('takes names in other letters, and those that are no host names', () => {
    expect(encodeQuestion({ ...QUESTION, name: 'bücher.test' })?.toString('latin1')).toContain('xn--bcher-kva');
    expect(encodeQuestion({ ...QUESTION, name: '_service._tcp.test' })?.toString('latin1')).toContain('_service');
  });

  test.each(['', 'a..b', '.a', 'x'.repeat(64), Array(70).fill('abc').join('.')])('cannot be asked for %j', (text) => {
    expect(encodeQuestion({ ...QUESTION, name: text })).toBeUndefined();
  });
});

describe('an answer', () => {
  test('has the addresses of the name', () => {
    const message = answer({ records: [record('@12', 1, address(1)), record('www.lab.test', 1, address(2))] });
    expect(decodeAnswer(message, QUESTION)).toEqual({ code: 0, truncated: false, addresses: ['10.0.0.1', '10.0.0.2'] });
  });

  test('has IPv6 addresses', () => {
    const data = Buffer.from('fd000000000000000000000000000001', 'hex');
    const message = answer({ type: 28, records: [record('@12', 28, data)] });
    expect(decodeAnswer(message, { ...QUESTION, type: 'AAAA' })?.addresses).toEqual(['fd00::1']);
  });

  test('is followed through aliases, whatever their order', () => {
    const records = [
      record('c.test', 1, address(3)),
      record('b.test', 5, name('c.test')),
      record('WWW.lab.test', 5, name('b.test')),
      record('elsewhere.test', 1, address(9)),
    ];
    expect(decodeAnswer(answer({ records }), QUESTION)?.addresses).toEqual(['10.0.0.3']);
  });

  test('with aliases that lead in a circle has none', () => {
    const records = [record('www.lab.test', 5, name('b.test')), record('b.test', 5, name('www.lab.test'))];
    expect(decodeAnswer(answer({ records }), QUESTION)?.addresses).toEqual([]);
  });

  test('says that there is no such name, and that it is not whole', () => {
    expect(decodeAnswer(answer({ flags: 0x8183 }), QUESTION)).toMatchObject({ code: 3, addresses: [] });
    expect(decodeAnswer(answer({ flags: 0x8380, count: 9 }), QUESTION)).toMatchObject({ truncated: true });
  });

  test.each([
    ['of another number', answer({ id: 1 })],
    ['of another name', answer({ asked: 'www.lab.text' })],
    ['of another type', answer({ type: 28 })],
    ['that is a question', answer({ flags: 0x0100 })],
    ['that ends too early', answer({ records: [record('@12', 1, address(1))] }).subarray(0, -1)],
    ['that ends before it begins', Buffer.alloc(3)],
    ['with an address of the wrong size', answer({ records: [record('@12', 1, Buffer.of(1, 2, 3))] })],
    ['with a name that points ahead', answer({ records: [record('@200', 1, address(1))] })],
    ['with a name that points at itself', answer({ records: [record('@30', 1, address(1))] })],
    ['with fewer records than it says', answer({ count: 3 })],
  ])('%s is none', (_, message) => {
    expect(decodeAnswer(message, QUESTION)).toBeUndefined();
  });

  test('of a name with small and large letters is one all the same', () => {
    const message = answer({ asked: 'WwW.LaB.tEsT', records: [record('@12', 1, address(1))] });
    expect(decodeAnswer(message, QUESTION)?.addresses).toEqual(['10.0.0.1']);
  });

  test('that was written at random, or changed in one place, does no harm', () => {
    const records = [
      record('@12', 5, name('b.@16')),
      record('b.@16', 1, address(1)),
      record('b.lab.test', 1, address(2)),
    ];
    const whole = answer({ records });
    // A generator of one's own, so that a failure can be had again.
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 100_000; round++) {
      const message = Buffer.from(whole);
      for (let changes = random(4); changes >= 0; changes--) message[random(message.length)] = random(256);
      const decoded = decodeAnswer(message.subarray(0, random(4) === 0 ? random(message.length) : undefined), QUESTION);
      if (decoded !== undefined) expect(decoded.addresses.length).toBeLessThan(4);
    }
  });
});

describe('a question that a server receives', () => {
  const received = (changes: Partial<Question> = {}): Buffer => encodeQuestion({ ...QUESTION, ...changes })!;

  test('has the name in lower case, and the type', () => {
    expect(decodeQuery(received({ name: 'WwW.Lab.test' }))).toMatchObject({ name: 'www.lab.test', type: 'A', code: 0 });
    expect(decodeQuery(received({ type: 'AAAA' }))).toMatchObject({ type: 'AAAA' });
  });

  test('of a type or a class without records has none', () => {
    for (const at of [-3, -1]) {
      const message = received();
      message[message.length + at] = 15;
      expect(decodeQuery(message)).toMatchObject({ name: 'www.lab.test', type: undefined, code: CODE.NOERROR });
    }
  });

  test('may have more after it, such as the extensions of RFC 6891', () => {
    const message = Buffer.concat([received(), Buffer.of(0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0)]);
    message.writeUInt16BE(1, 10);
    const query = decodeQuery(message)!;
    expect(query).toMatchObject({ type: 'A', code: 0 });
    const reply = encodeReply(query, { code: 0, values: [], ttl: 0 }, 512);
    expect(reply).toHaveLength(message.length - 11);
    expect(reply.readUInt16BE(10)).toBe(0);
  });

  test.each([
    ['with two questions', CODE.FORMERR, (message: Buffer) => message.writeUInt16BE(2, 4)],
    ['without one', CODE.FORMERR, (message: Buffer) => message.writeUInt16BE(0, 4)],
    ['with a name that points into the header', CODE.FORMERR, (message: Buffer) => message.writeUInt16BE(0xc004, 12)],
    ['with a label that is too long', CODE.FORMERR, (message: Buffer) => message.writeUInt8(64, 12)],
    ['that is none, but an update', CODE.NOTIMP, (message: Buffer) => message.writeUInt16BE(0x2800, 2)],
  ])('%s is refused', (_, code, change) => {
    const message = received();
    change(message);
    const query = decodeQuery(message)!;
    expect(query.code).toBe(code);
    const reply = encodeReply(query, { code, values: [], ttl: 0 }, 512);
    expect(reply).toHaveLength(12);
    expect(reply.readUInt16BE(0)).toBe(QUESTION.id);
    expect(reply.readUInt16BE(2) & 0x800f).toBe(0x8000 | code);
  });

  test.each([
    ['a response', answer({})],
    ['what is shorter than a header', Buffer.alloc(11)],
  ])('is not %s', (_, message) => {
    expect(decodeQuery(message)).toBeUndefined();
  });
});

describe('what a server answers', () => {
  const query = (changes: Partial<Question> = {}): Query => decodeQuery(encodeQuestion({ ...QUESTION, ...changes })!)!;

  test('is what was asked, letter for letter, and the records', () => {
    const mixed = { ...QUESTION, name: 'WwW.lAb.test' };
    const message = encodeReply(query(mixed), { code: 0, values: ['10.0.0.1', '10.0.0.2'], ttl: 7 }, 512);
    expect(message.subarray(12, 26).toString('latin1')).toBe('\x03WwW\x03lAb\x04test\x00');
    expect(message.subarray(-16).toString('hex')).toBe('c00c' + '00010001' + '00000007' + '0004' + '0a000002');
    expect(decodeAnswer(message, mixed)?.addresses).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('has only values of the type that was asked for', () => {
    const message = encodeReply(
      query({ type: 'AAAA' }),
      { code: 0, values: ['10.0.0.1', 'fd00::1', 'no'], ttl: 0 },
      512,
    );
    expect(decodeAnswer(message, { ...QUESTION, type: 'AAAA' })?.addresses).toEqual(['fd00::1']);
  });

  test('says that it is not whole where it does not fit', () => {
    const values = Array.from({ length: 40 }, (_, index) => `10.0.0.${index}`);
    const short = encodeReply(query(), { code: 0, values, ttl: 0 }, 512);
    expect(decodeAnswer(short, QUESTION)).toEqual({ code: 0, truncated: true, addresses: [] });
    const whole = encodeReply(query(), { code: 0, values, ttl: 0 }, 0xffff);
    expect(decodeAnswer(whole, QUESTION)).toEqual({ code: 0, truncated: false, addresses: values });
  });

  test('can be an error', () => {
    const message = encodeReply(query(), { code: CODE.NXDOMAIN, values: ['10.0.0.1'], ttl: 0 }, 512);
    expect(decodeAnswer(message, QUESTION)).toEqual({ code: CODE.NXDOMAIN, truncated: false, addresses: [] });
  });

  test('can be a name, for the name of an address', () => {
    expect(reverseName('10.0.0.7')).toBe('7.0.0.10.in-addr.arpa');
    expect(reverseName('fd00::7')).toBe('7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa');
    const asked = encodeQuestion({ ...QUESTION, name: reverseName('10.0.0.7') })!;
    asked.writeUInt16BE(12, asked.length - 4);
    const message = encodeReply(decodeQuery(asked)!, { code: 0, values: ['web.lab'], ttl: 0 }, 512);
    expect(message.subarray(-9).toString('latin1')).toBe('\x03web\x03lab\x00');
  });

  test('of names says which can be asked for', () => {
    expect(isEncodable('web.lab')).toBe(true);
    expect(isEncodable('web..lab')).toBe(false);
  });
});

test('messages of all kinds, changed at random, are decoded or refused', () => {
  const { inputs, questions, answers } = fuzz(20_000, 1);
  expect([questions, answers].every((count) => count > 1000 && count < inputs)).toBe(true);
});
