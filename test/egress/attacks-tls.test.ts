import { connect } from 'node:tls';
import { type Hello, alertOf, clientHello, inRecords, isServerHello } from './client-hello';
import { type Conversation, Inside, converse, converseWith } from './inside';
import { Outside } from './outside/outside';

const NAME = 'www.example.com';
/** A name that is not allowed, of the same server: its certificate, its address. */
const OTHER = 'api.example.com';
const ACCESS_DENIED = 49;
const DECODE_ERROR = 50;

describe('TLS: a connection to one name cannot be used for another', () => {
  let outside: Outside;
  let inside: Inside;

  beforeAll(async () => {
    outside = await Outside.open();
    inside = await Inside.open(outside, { allow: [`${NAME}:443`] });
  });
  afterEach(() => outside.handshakes.splice(0));
  afterAll(async () => {
    await inside[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  const send = (pieces: Buffer[]): Promise<Conversation> => converseWith(inside, [NAME, 443], pieces, isServerHello);
  const hello = (said: Hello, ...sizes: number[]): Promise<Conversation> =>
    send([Buffer.concat(inRecords(clientHello(said), ...sizes))]);
  const refused = ({ heard }: Conversation): void => {
    expect(alertOf(heard)).toBe(ACCESS_DENIED);
    expect(outside.handshakes).not.toContain(OTHER);
  };

  /** A handshake by OpenSSL, with a name of one's choice, or with none. */
  const handshake = async (servername: string): Promise<string> => {
    const socket = await inside.network.connect({ host: NAME, port: 443 });
    const secure = connect({ socket, servername, rejectUnauthorized: false });
    return new Promise((resolve) => {
      secure.once('secureConnect', () => {
        resolve('secure');
        secure.destroy();
      });
      secure.once('error', (error: Error) => resolve(error.message));
    });
  };

  test('the name itself passes, in any spelling', async () => {
    expect(await handshake(NAME)).toBe('secure');
    expect(await handshake('WWW.Example.COM')).toBe('secure');
    expect(outside.handshakes).toHaveLength(2);
  });

  test('another name of the same server is refused, by an alert', async () => {
    expect(await handshake(OTHER)).toMatch(/alert.*access denied/i);
    expect(outside.handshakes).toEqual([]);
  });

  test('no name is refused', async () => {
    expect(await handshake('')).toMatch(/alert.*access denied/i);
    refused(await hello({}));
  });

  test('the name is found in several records, and in the smallest pieces', async () => {
    expect(isServerHello((await hello({ names: [NAME] }, 1, 3, 60)).heard)).toBe(true);
    const bytes = Buffer.concat(inRecords(clientHello({ names: [NAME] }), 10));
    expect(isServerHello((await send([...bytes].map((byte) => Buffer.of(byte)))).heard)).toBe(true);
  });

  test('another name is found there as well', async () => {
    refused(await hello({ names: [OTHER] }, 1, 3, 60));
    refused(
      await send([...Buffer.concat(inRecords(clientHello({ names: [OTHER] }), 10))].map((byte) => Buffer.of(byte))),
    );
  });

  test.each<[string, Hello]>([
    ['several names', { names: [NAME, OTHER] }],
    ['several names, the other one first', { names: [OTHER, NAME] }],
    ['the extension twice', { names: [NAME], repeated: [OTHER] }],
    ['a NUL', { names: [`${NAME}\0.${OTHER}`] }],
    ['an empty name', { names: [''] }],
    ['an address', { names: ['93.184.216.10'] }],
  ])('a handshake with %s is refused', async (_, said) => {
    const { heard } = await hello(said);
    expect(alertOf(heard)).toBeDefined();
    expect(outside.handshakes).toEqual([]);
  });

  test.each([
    ['of another version', Buffer.of(22, 2, 1)],
    ['after a warning', Buffer.of(21, 3, 1, 0, 2, 1, 90, 22, 3, 1)],
  ])('a ClientHello %s, which Go and Java take, is refused', async (_, start) => {
    const [record = Buffer.alloc(0)] = inRecords(clientHello({ names: [OTHER] }));
    const { heard } = await send([Buffer.concat([start, record.subarray(3)])]);
    expect(alertOf(heard)).toBe(DECODE_ERROR);
    expect(inside.requests.at(-1)?.reason).toMatch('no ClientHello');
  });

  test('a second ClientHello, which the server has asked for, is looked at as well', async () => {
    const socket = await inside.network.connect({ host: NAME, port: 443 });
    let asked = false;
    const conversation = converse(socket, inRecords(clientHello({ names: [NAME], keyless: true })), (heard) => {
      if (isServerHello(heard) && !asked) {
        asked = true;
        socket.write(Buffer.concat(inRecords(clientHello({ names: [OTHER] }))));
      }
      return false;
    });
    const { heard, error } = await conversation;
    expect(asked).toBe(true);
    expect(outside.handshakes).not.toContain(OTHER);
    expect(error ?? alertOf(heard.subarray(-7))).toBeDefined();
  });

  test('a name that is encrypted is refused, and the reason says so', async () => {
    refused(await hello({ names: [NAME], ech: 144 }));
    expect(inside.requests.at(-1)).toMatchObject({ name: NAME, reason: expect.stringMatching(/encrypt/i) as string });
  });

  test('where the policy allows encrypted names, the outer one has to be right', async () => {
    await using lenient = await Inside.open(outside, { allow: [NAME], ech: 'allow' });
    const say = (said: Hello): Promise<Conversation> =>
      converseWith(lenient, [NAME, 443], inRecords(clientHello(said)), isServerHello);
    expect(isServerHello((await say({ names: [NAME], ech: 144 })).heard)).toBe(true);
    refused(await say({ names: [OTHER], ech: 144 }));
  });

  test('a handshake that never gets whole ends', async () => {
    const bytes = Buffer.concat(inRecords(clientHello({ names: [NAME] })));
    await send([bytes.subarray(0, 60)]);
    expect(outside.handshakes).toEqual([]);
  });
});
