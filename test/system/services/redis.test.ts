import type { Socket } from 'node:net';
import { AbstractConnector, Redis } from 'ioredis';
import type { Network } from 'linux-ns/network';
import { startRedis } from '../../../examples/services/redis';
import type { Service } from '../../../examples/services/service';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { footprintWithServers } from '../../network/sockets/inside';

/** An ioredis whose connections come from a network. */
function clientIn(network: Network): Redis {
  class Connector extends AbstractConnector {
    constructor() {
      super(1000);
    }
    override async connect(): Promise<Socket> {
      return (this.stream = await network.connect(6379)); // which ioredis ends with the connection
    }
  }
  return new Redis({ Connector });
}

needs({ tool: ['redis-server'] }).describe('Redis, the one of Debian', () => {
  let before: Footprint;
  let redis: Service;
  beforeAll(async () => {
    before = await footprintWithServers();
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.close();
    await expectNothingLeft(before);
  });

  test('is reached on its default port by a connector of ioredis', async () => {
    const client = clientIn(redis.network);
    await client.set('greeting', 'hello');
    expect(await client.get('greeting')).toBe('hello');
    expect(await client.dbsize()).toBe(1);
    client.disconnect();
  });

  test('is reached by a forward, messages that it publishes as well', async () => {
    await using forward = await redis.network.forward({ host: 0, inside: 6379 });
    const [subscriber, publisher] = [new Redis(forward.port), new Redis(forward.port)];
    await subscriber.subscribe('news');
    const heard = new Promise((resolve) => subscriber.once('message', (...message) => resolve(message)));
    await publisher.publish('news', 'something happened');
    expect(await heard).toEqual(['news', 'something happened']);
    for (const client of [subscriber, publisher]) client.disconnect();
  });

  test('runs beside another one on the same port, which has nothing of it', async () => {
    await using other = await startRedis();
    const [one, two] = [clientIn(redis.network), clientIn(other.network)];
    await one.set('mine', '1');
    expect(await two.get('mine')).toBeNull();
    for (const client of [one, two]) client.disconnect();
  });
});
