import { type Socket, Socket as NodeSocket } from 'node:net';
import { Client } from 'pg';
import { startPostgresql } from '../../../examples/services/postgresql';
import type { Service } from '../../../examples/services/service';
import { type NamespaceSet, unshare } from '../../../lib';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { footprintWithServers } from '../../network/sockets/inside';

/** A socket of pg's, which connects itself: it is given one that is connected already. */
function connected(socket: Socket): Socket {
  const connect = (): Socket => {
    process.nextTick(() => socket.emit('connect'));
    return socket;
  };
  return Object.assign(socket, { connect });
}

needs({ tool: ['pg_ctlcluster'] }).describe('PostgreSQL, the one of Debian', () => {
  let before: Footprint;
  let postgresql: Service;
  beforeAll(async () => {
    before = await footprintWithServers();
    postgresql = await startPostgresql();
  });
  afterAll(async () => {
    await postgresql.close();
    await expectNothingLeft(before);
  });

  test('is reached on its default port by a socket that is handed to pg', async () => {
    const socket = connected(await postgresql.network.connect({ port: 5432, host: '127.0.0.1' }));
    expect(socket).toBeInstanceOf(NodeSocket);
    const client = new Client({ user: 'postgres', database: 'postgres', stream: () => socket });
    await client.connect();
    const { rows } = await client.query<{ user: string; port: string }>(
      'select current_user as user, inet_server_port() as port',
    );
    expect(rows).toEqual([{ user: 'postgres', port: 5432 }]);
    await client.end();
  });

  test('is reached by a forward', async () => {
    await using forward = await postgresql.network.forward({ host: 0, inside: 5432 });
    const client = new Client({ host: '127.0.0.1', port: forward.port, user: 'postgres', database: 'postgres' });
    await client.connect();
    await client.query('create table users (id serial primary key, name text)');
    await client.query('insert into users (name) select $1 || n from generate_series(1, 1000) n', ['user ']);
    const { rows } = await client.query<{ count: string }>('select count(*) from users');
    expect(rows).toEqual([{ count: '1000' }]);
    await client.end();
  });

  /** Namespaces in which this process is root, as most examples have them. */
  const asRoot = (): Promise<NamespaceSet> => unshare({ user: { uidMap: 'root', gidMap: 'root' }, mnt: true });

  test('refuses the map that makes you root', async () => {
    await using set = await asRoot();
    const command = 'exec "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/postgres" -D /nowhere';
    await expect(set.exec(command)).rejects.toThrow('"root" execution of the PostgreSQL server is not permitted.');
  });
});
