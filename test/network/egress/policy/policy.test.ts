import { isDeepStrictEqual } from 'node:util';
import type { EgressPolicy, EgressQuestion, EgressRule } from '../../../../lib/network/egress/policy/egress-policy';
import { Policy } from '../../../../lib/network/egress/policy/policy';
import type { Destination } from '../../../../lib/network/egress/policy/rule-index';
import { eventually } from '../../../fixtures/footprint';

const of = (policy: EgressPolicy): Policy => Policy.of('policy', policy);
const byName = (name: string, port = 443): Destination => ({ name, address: '198.18.1.0', port });
const byAddress = (address: string, port = 443): Destination => ({ name: undefined, address, port });
const noProgram = async (): Promise<undefined> => Promise.resolve(undefined);

/** The decisions about what one list of rules allows. */
function decisions(allow: readonly EgressRule[], to: readonly Destination[], deny?: readonly EgressRule[]): string[] {
  const policy = of({ allow, deny });
  return to.map((each) => policy.decide(each).decision);
}

describe('what a rule names', () => {
  test('nothing is allowed without a rule', () => {
    expect(decisions([], [byName('example.com'), byAddress('192.0.2.1')])).toEqual(['deny', 'deny']);
  });

  test('a name is that name, and none below or above it', () => {
    const names = ['example.com', 'a.example.com', 'com', 'notexample.com', 'example.com.evil.test'];
    expect(
      decisions(
        ['example.com'],
        names.map((name) => byName(name)),
      ),
    ).toEqual([...['allow', 'deny', 'deny', 'deny', 'deny']]);
  });

  test("'*.' names all below a name and not the name; a dot at the beginning names both", () => {
    const names = ['github.com', 'api.github.com', 'a.b.github.com', 'evilgithub.com'].map((name) => byName(name));
    expect(decisions(['*.github.com'], names)).toEqual(['deny', 'allow', 'allow', 'deny']);
    expect(decisions(['.github.com'], names)).toEqual(['allow', 'allow', 'allow', 'deny']);
    expect(decisions(['github.com', '*.github.com'], names)).toEqual(['allow', 'allow', 'allow', 'deny']);
  });

  test('letters may be large, the name may have a dot at its end, and letters beyond ASCII', () => {
    expect(decisions(['GitHub.COM.'], [byName('github.com')])).toEqual(['allow']);
    const idn = byName('xn--bcher-kva.example');
    expect(decisions(['bücher.example'], [idn])).toEqual(['allow']);
    expect(decisions(['BÜCHER。example'], [idn])).toEqual(['allow']);
    expect(decisions(['*.Bücher.example:443'], [byName('www.xn--bcher-kva.example')])).toEqual(['allow']);
  });

  test('ports: one, several, ranges, in a text or as a property', () => {
    const ports = [22, 80, 443, 8000, 8100, 8101].map((port) => byName('a.test', port));
    expect(decisions(['a.test'], ports)).toEqual(Array(6).fill('allow'));
    expect(decisions(['a.test:443'], ports)).toEqual(['deny', 'deny', 'allow', 'deny', 'deny', 'deny']);
    expect(decisions(['a.test:8000-8100'], ports)).toEqual(['deny', 'deny', 'deny', 'allow', 'allow', 'deny']);
    const several = ['allow', 'allow', 'deny', 'allow', 'allow', 'deny'];
    expect(decisions(['a.test:80,22,8000-8100'], ports)).toEqual(several);
    expect(decisions([{ host: 'a.test', port: [22, '80', '8000-8050', '8051-8100'] }], ports)).toEqual(several);
  });

  test('addresses and networks, of both families, also in the other notations of an address', () => {
    const to = ['10.1.2.3', '10.2.0.1', '::ffff:10.1.2.3', '::ffff:a01:203', 'fd00::1', 'fe00::1'];
    const allowed = ['allow', 'deny', 'allow', 'allow', 'allow', 'deny'];
    expect(
      decisions(
        ['10.1.0.0/16', 'fd00::/8'],
        to.map((each) => byAddress(each)),
      ),
    ).toEqual(allowed);
    expect(
      decisions(
        ['::ffff:10.1.0.0/112', '[fd00::/8]:443'],
        to.map((each) => byAddress(each)),
      ),
    ).toEqual(allowed);
    expect(decisions(['10.1.2.3:5432'], [byAddress('10.1.2.3', 5432), byAddress('10.1.2.3')])).toEqual([
      'allow',
      'deny',
    ]);
    expect(decisions(['fd00::1'], [byAddress('fd00:0:0::1')])).toEqual(['allow']);
  });

  test('a rule for names says nothing about addresses, and the other way around', () => {
    expect(decisions(['.test'], [byAddress('192.0.2.1')])).toEqual(['deny']);
    expect(decisions(['0.0.0.0/0', '::/0'], [byName('a.test')])).toEqual(['deny']);
  });

  test("'*' is everything, but names no special address", () => {
    const policy = of({ allow: ['*:443'] });
    expect(policy.decide(byName('a.test')).decision).toBe('allow');
    expect(policy.decide(byAddress('192.0.2.1')).decision).toBe('allow');
    expect(policy.decide(byName('a.test', 80)).decision).toBe('deny');
    expect(policy.namesAddress('10.0.0.1', 443)).toBe(false);
    expect(of({ allow: ['*', '10.0.0.0/8'] }).namesAddress('10.0.0.1', 443)).toBe(true);
  });

  test('deny wins, however special the rules are', () => {
    const to = [byName('a.test'), byName('b.test'), byName('b.test', 80), byAddress('10.1.2.3'), byAddress('10.1.2.4')];
    expect(decisions(['*.test', 'b.test', '10.1.0.0/16'], to, ['b.test:443', '10.1.2.3'])).toEqual([
      ...['allow', 'deny', 'allow', 'deny', 'allow'],
    ]);
    expect(decisions(['a.b.test'], [byName('a.b.test')], ['*.b.test:80'])).toEqual(['allow']);
  });

  test('an address that is denied is so for each name that leads to it', () => {
    const policy = of({ allow: ['*.test', '10.0.0.0/8'], deny: ['10.1.0.0/16'] });
    expect(policy.deniesAddress('10.1.0.1', 443)).toBe('10.1.0.0/16');
    expect(policy.deniesAddress('::ffff:10.1.0.1', 443)).toBe('10.1.0.0/16');
    expect(policy.namesAddress('10.1.0.1', 443)).toBe(false);
    expect(policy.namesAddress('10.2.0.1', 443)).toBe(true);
  });

  test('the verdict names the rule and says in a sentence what has been decided', () => {
    const policy = of({ allow: ['*.GitHub.com:443'], deny: ['gist.github.com'] });
    expect(policy.decide(byName('api.github.com'))).toEqual({
      decision: 'allow',
      rule: '*.github.com:443',
      reason: "The egress policy allows api.github.com:443: the rule '*.github.com:443' names it.",
    });
    expect(policy.decide(byName('gist.github.com')).reason).toBe(
      "The egress policy does not allow gist.github.com:443: the rule 'gist.github.com' denies it.",
    );
    expect(policy.decide(byAddress('fd00::1')).reason).toBe(
      'The egress policy does not allow [fd00::1]:443: no rule names this address, and it was not looked up by a name.',
    );
  });
});

describe('rules that are refused', () => {
  const reasons: [EgressRule, string][] = [
    ['', 'can never match: the name is empty'],
    ['a..test', 'two dots in a row'],
    ['*', ''],
    ['*test', "must have '*' alone or at its beginning"],
    ['a.*.test', "must have '*' alone or at its beginning"],
    ['*.*.test', "must have '*' alone or at its beginning"],
    ['a.test:', 'must be a port'],
    ['a.test:*', 'must be a port'],
    ['a.test:https', 'must be a port'],
    ['a.test:0', 'a port >= 1 && <= 65535'],
    [7 as unknown as string, 'must be of type string or object'],
    ['a.test:65536', '>= 1 && <= 65535'],
    ['a.test:90-80', "has the range '90-80', which is empty"],
    [{ host: 'a.test', port: [] }, 'has no ports'],
    [{ host: 'a.test:80' }, 'must have an IP address'],
    ['a.test:53', 'is answered by the name server'],
    ['https://a.test', 'and not a URL'],
    ['a.test/path', 'must have an IP address, or a network'],
    ['a b.test', 'letters that names of hosts do not have'],
    ['user@a.test', 'letters that names of hosts do not have'],
    ['a\0.test', 'without null bytes'],
    [`${'a'.repeat(64)}.test`, 'a part of 64 letters'],
    [`${'abcdefg.'.repeat(31)}abcdef`, 'has 254 letters'],
    ['127.1', 'ends in a number'],
    ['0x7f.0.0.0x1', 'ends in a number'],
    ['2130706433', 'ends in a number'],
    ['１２７.0.0.1', 'ends in a number'],
    ['10.1.2.3/16', 'must be the network 10.1.0.0/16'],
    ['10.0.0.0/33', 'must have an IP address, or a network'],
    ['fd00::/129', 'must have an IP address, or a network'],
    ['fe80::1%eth0', 'must have an IP address, or a network'],
    ['[fd00::1', 'must have an IP address, or a network'],
    ['[fd00::1]443', "must have ':' and a port"],
    ['198.18.7.0/24', 'stand for names inside'],
    ['fd2a:6f1c:93e4::/64', 'stand for names inside'],
    ['localhost', 'the own loopback of programs inside'],
    ['db.localhost:5432', 'the own loopback of programs inside'],
  ];

  test.each(reasons)('%j', (rule, reason) => {
    if (reason === '') expect(() => of({ allow: [rule] })).not.toThrow();
    else {
      expect(() => of({ allow: [rule] })).toThrow(reason);
      expect(() => of({ deny: [rule] })).toThrow(reason);
    }
  });

  test('the longest name and the longest part of one are rules', () => {
    const longest = `${'abcdefg.'.repeat(31)}abcde`;
    expect(longest).toHaveLength(253);
    expect(decisions([longest, `${'a'.repeat(63)}.test`], [byName(longest)])).toEqual(['allow']);
  });

  test.each<[EgressPolicy, string]>([
    [{ allow: ['a.test'], deny: ['a.test'] }, "'a.test' denies all of it"],
    [{ allow: ['b.a.test:443'], deny: ['*.a.test'] }, "'*.a.test' denies all of it"],
    [{ allow: ['*.b.a.test'], deny: ['*.a.test'] }, "'*.a.test' denies all of it"],
    [{ allow: ['.a.test'], deny: ['*.a.test', 'a.test'] }, 'denies all of it'],
    [{ allow: ['a.test:80-90'], deny: ['a.test:80-85', '*.test:86-99'] }, 'denies all of it'],
    [{ allow: ['10.1.0.0/16'], deny: ['10.0.0.0/8'] }, "'10.0.0.0/8' denies all of it"],
    [{ allow: ['10.1.0.0/16'], deny: ['::ffff:10.0.0.0/104'] }, "'10.0.0.0/8' denies all of it"],
    [{ allow: ['10.1.0.0/16'], deny: ['*'] }, "'*' denies all of it"],
    [{ allow: ['*:443'], deny: ['*'] }, "'*' denies all of it"],
    [{ allow: ['a.test:22'], ports: [80, 443] }, 'the policy intercepts none of its ports'],
  ])('%j: the rule can never match', (policy, reason) => {
    expect(() => of(policy)).toThrow(reason);
  });

  test.each<EgressPolicy>([
    { allow: ['.a.test'], deny: ['*.a.test'] },
    { allow: ['*.a.test'], deny: ['a.test'] },
    { allow: ['a.test:80-90'], deny: ['a.test:80-89'] },
    { allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] },
    { allow: ['0.0.0.0/0'], deny: ['::/0'] },
    { allow: ['*'], deny: ['*:25'] },
    { allow: ['a.test:22-80'], ports: [80, 443] },
  ])('%j: something is left of the rule', (policy) => {
    expect(() => of(policy)).not.toThrow();
  });

  test('unknown options, options of other types, and what is no proxy', () => {
    expect(() => Policy.of('policy', { alow: [] })).toThrow("did you mean 'allow'?");
    expect(() => Policy.of('policy', { allow: [{ hots: 'a.test' }] })).toThrow("did you mean 'host'?");
    expect(() => Policy.of('policy', { allow: 'a.test' })).toThrow('must be an instance of Array');
    expect(() => Policy.of('policy', { ask: true })).toThrow('must be of type function');
    expect(() => Policy.of('policy', { askTimeout: 0 })).toThrow('>= 1');
    expect(() => Policy.of('policy', { ports: ['x'] })).toThrow('must be a port');
    expect(() => Policy.of('policy', { outside: {} })).toThrow('lookup() and connect()');
    expect(() => Policy.of('policy', { via: 'ftp://proxy' })).toThrow('http:, https: or socks5:');
    expect(() => Policy.of('policy', { via: 'http://proxy/path' })).toThrow('without a path');
    expect(of({ via: new URL('http://user:secret@proxy:3128') }).via?.username).toBe('user');
  });

  test('the password of a proxy is in no error', () => {
    const errors = ['ftp://user:secret@proxy', 'http://user:secret@proxy/x', 'http:user:secret@:x'].map((via) => {
      try {
        return typeof of({ via });
      } catch (error) {
        return String(error);
      }
    });
    expect(errors.every((text) => text.includes('must be an http:'))).toBe(true);
    expect(errors.join()).not.toContain('secret');
  });

  test('each property of the policy is read once, so that it says the same to check and to use', () => {
    let reads = 0;
    const rule = {
      get host() {
        return ++reads === 1 ? 'a.test' : '*';
      },
    };
    expect(of({ allow: [rule] }).decide(byName('b.test')).decision).toBe('deny');
    expect(reads).toBe(1);
  });
});

describe('a policy that changes', () => {
  test('allow() and deny() hold at once, deny() also against what was allowed', () => {
    const policy = of({ allow: ['a.test'] });
    policy.allow('b.test');
    expect(policy.decide(byName('b.test')).decision).toBe('allow');
    policy.deny('*.test:443');
    expect(policy.decide(byName('a.test')).decision).toBe('deny');
    expect(policy.decide(byName('a.test', 80)).decision).toBe('allow');
    expect(() => policy.allow('c.test:443')).toThrow("'*.test:443' denies all of it");
  });

  test('revoke() takes a rule back, however it was written', () => {
    const policy = of({ allow: ['A.test.:443', '10.0.0.0/8', '10.1.0.0/16'], deny: ['b.test'] });
    policy.revoke({ host: 'a.TEST', port: [443] });
    policy.revoke('10.0.0.0/8');
    expect(policy.decide(byName('a.test')).decision).toBe('deny');
    expect(policy.decide(byAddress('10.2.0.1')).decision).toBe('deny');
    expect(policy.decide(byAddress('10.1.0.1')).decision).toBe('allow');
    policy.revoke('b.test');
    policy.allow('b.test');
    expect(policy.decide(byName('b.test')).decision).toBe('allow');
  });

  test('revoke() leaves other rules that name the same host and port', () => {
    const policy = of({ allow: ['.a.test:443', 'a.test:443'], deny: ['b.test:443', '.b.test:443'] });
    policy.revoke('a.test:443');
    policy.revoke('b.test:443');
    expect(policy.decide(byName('a.test'))).toMatchObject({ decision: 'allow', rule: '.a.test:443' });
    expect(policy.decide(byName('b.test'))).toMatchObject({ decision: 'deny', rule: '.b.test:443' });
    policy.revoke('.b.test:443');
    expect(policy.decide(byName('b.test')).rule).toBeUndefined();
  });

  test('revoke() of what is no rule is an error that names the nearest', () => {
    const policy = of({ allow: ['github.com:443'] });
    expect(() => policy.revoke('github.con:443')).toThrow("is no rule of this policy (did you mean 'github.com:443'?)");
  });

  test('who listens hears of each change', () => {
    const policy = of({ allow: ['a.test'] });
    const heard: string[] = [];
    const stop = policy.onChange(() => heard.push(policy.decide(byName('a.test')).decision));
    policy.deny('a.test');
    policy.revoke('a.test');
    stop();
    policy.allow('a.test');
    expect(heard).toEqual(['deny', 'deny']);
  });

  test('a rule that is there already changes nothing', () => {
    const policy = of({ allow: ['a.test'] });
    policy.allow('A.TEST.');
    policy.revoke('a.test');
    expect(policy.decide(byName('a.test')).decision).toBe('deny');
  });
});

describe('ask', () => {
  test('is not asked about what a rule decides', async () => {
    const ask = jest.fn(() => true);
    const policy = of({ allow: ['a.test'], deny: ['b.test'], ask });
    expect((await policy.settle(byName('a.test'), noProgram)).decision).toBe('allow');
    expect((await policy.settle(byName('b.test'), noProgram)).decision).toBe('deny');
    expect(ask).not.toHaveBeenCalled();
  });

  test('is asked once about each host and port, and the answer is remembered', async () => {
    const asked: (string | number | undefined)[][] = [];
    const policy = of({
      ask: async ({ name, address, port }) => {
        asked.push([name, address, port]);
        return Promise.resolve(name === 'yes.test');
      },
    });
    const settled = await Promise.all(
      ['yes.test', 'yes.test', 'no.test', 'no.test'].map((name) => policy.settle(byName(name), noProgram)),
    );
    expect(settled.map(({ decision }) => decision)).toEqual(['allow', 'allow', 'deny', 'deny']);
    expect(policy.decide(byName('yes.test')).decision).toBe('allow');
    expect(policy.decide(byName('no.test')).reason).toContain('the answer was no');
    expect(policy.decide(byName('yes.test', 80)).decision).toBe('ask');
    expect(asked).toEqual([
      ['yes.test', '198.18.1.0', 443],
      ['no.test', '198.18.1.0', 443],
    ]);
  });

  test('gets the program that connects', async () => {
    const program = { pid: 12, pidInside: 2, file: '/usr/bin/curl', argv: ['curl'] };
    let asked: EgressQuestion | undefined;
    const policy = of({ ask: (question) => ((asked = question), true) });
    await policy.settle(byName('a.test'), async () => Promise.resolve(program));
    expect(asked?.program).toBe(program);
  });

  test('a time-out refuses, withdraws the question, and is not remembered', async () => {
    const questions: EgressQuestion[] = [];
    const policy = of({ ask: (question) => (questions.push(question), new Promise(() => undefined)), askTimeout: 20 });
    const { decision, reason } = await policy.settle(byName('a.test'), noProgram);
    expect(decision).toBe('deny');
    expect(reason).toContain('nobody has answered within 20 ms');
    expect(questions[0]?.signal.aborted).toBe(true);
    expect(policy.decide(byName('a.test')).decision).toBe('ask');
    await policy.settle(byName('a.test'), noProgram);
    expect(questions).toHaveLength(2);
  });

  test.each<[string, () => unknown, string]>([
    ['throws', () => { throw new Error('no terminal'); }, 'has failed (no terminal)'], // prettier-ignore
    ['rejects', async () => Promise.reject(new Error('no terminal')), 'has failed (no terminal)'],
    ['rejects with nothing', async () => Promise.reject(undefined as never), 'has failed (undefined)'], // eslint-disable-line
    ['answers with a text', () => 'yes', 'its answer is no boolean'],
    ['answers with 1', () => 1, 'its answer is no boolean'],
    ['answers with nothing', () => undefined, 'its answer is no boolean'],
  ])('a function that %s refuses, and this is not remembered', async (_, ask, words) => {
    const policy = of({ ask: ask as () => boolean });
    const { decision, reason } = await policy.settle(byName('a.test'), noProgram);
    expect([decision, reason.includes(words)]).toEqual(['deny', true]);
    expect(policy.decide(byName('a.test')).decision).toBe('ask');
  });

  test('a rule that comes meanwhile decides for those who wait', async () => {
    const signals: AbortSignal[] = [];
    const policy = of({ ask: ({ signal }) => (signals.push(signal), new Promise(() => undefined)) });
    const waiting = ['a.test', 'b.test'].map((name) => policy.settle(byName(name), noProgram));
    await eventually(() => signals.length === 2);
    policy.allow('a.test');
    policy.deny('b.test');
    expect((await Promise.all(waiting)).map(({ decision }) => decision)).toEqual(['allow', 'deny']);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  test('an answer is less than a rule, and revoke() forgets it', async () => {
    const policy = of({ ask: ({ name }) => name === 'yes.test' });
    for (const name of ['yes.test', 'no.test']) await policy.settle(byName(name), noProgram);
    policy.deny('yes.test');
    policy.allow('no.test');
    expect(policy.decide(byName('yes.test')).decision).toBe('deny');
    expect(policy.decide(byName('no.test')).decision).toBe('allow');
    policy.revoke('*.test'); // no rule, but it names both answers
    policy.revoke('yes.test');
    policy.revoke('no.test');
    expect([byName('yes.test'), byName('no.test')].map((to) => policy.decide(to).decision)).toEqual(['ask', 'ask']);
  });

  test('who listens hears of an answer', async () => {
    const policy = of({ ask: () => true });
    const heard = jest.fn();
    policy.onChange(heard);
    await policy.settle(byName('a.test'), noProgram);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  test('yes to an address names it, as a rule would', async () => {
    const policy = of({ ask: () => true });
    await policy.settle(byAddress('10.0.0.1', 5432), noProgram);
    expect(policy.namesAddress('10.0.0.1', 5432)).toBe(true);
    expect(policy.namesAddress('10.0.0.1', 443)).toBe(false);
  });

  test('a program that thinks of new names is asked about 64 at a time, and no more', async () => {
    const ask = jest.fn(async () => new Promise<boolean>(() => undefined));
    const policy = of({ ask });
    const all = Array.from({ length: 1000 }, (_, index) => policy.settle(byName(`n${index}.test`), noProgram));
    const refused = await Promise.all(all.slice(64));
    expect(refused.every(({ reason }) => reason.includes('64 other questions have no answer yet'))).toBe(true);
    expect(ask).toHaveBeenCalledTimes(64);
    policy.close();
    expect((await Promise.all(all)).every(({ decision }) => decision === 'deny')).toBe(true);
    expect((await policy.settle(byName('late.test'), noProgram)).reason).toContain('the egress is closed');
  });
});

describe('many rules', () => {
  test('ten thousand are found as one is: by the name, and not one after another', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `host${index}.zone${index % 100}.test`);
    const allow = names.flatMap((name, index) => (index % 3 === 0 ? [`*.${name}:443`] : [`${name}:${1000 + index}`]));
    const networks = Array.from({ length: 200 }, (_, index) => `10.${index}.0.0/16:5432`);
    const policy = of({ allow: [...allow, ...networks], deny: ['*.zone7.test:1-99'] });
    const right = names.every((name, index) => {
      const to = index % 3 === 0 ? byName(`www.${name}`) : byName(name, 1000 + index);
      const { decision, rule } = policy.decide(to);
      return isDeepStrictEqual([decision, rule], ['allow', allow[index]]);
    });
    expect(right).toBe(true);
    expect(policy.decide(byAddress('10.77.1.1', 5432)).rule).toBe('10.77.0.0/16:5432');
    expect(policy.namedPorts).toContain(443);
  });
});
