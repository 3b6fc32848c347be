import { type Question, decodeAnswer, encodeQuestion } from '../../../lib/network/resolve/dns-message';

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
