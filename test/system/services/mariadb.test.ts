import { createConnection } from 'mysql2/promise';
import { startMariadb } from '../../../examples/services/mariadb';
import type { Service } from '../../../examples/services/service';
import { type Footprint, expectNothingLeft } from '../../fixtures/footprint';
import { needs } from '../../fixtures/optional';
import { footprintWithServers } from '../../network/sockets/inside';

needs({ tool: ['mariadbd'] }).describe('MariaDB, the one of Debian', () => {
  let before: Footprint;
  let mariadb: Service;
  beforeAll(async () => {
    before = await footprintWithServers();
    mariadb = await startMariadb();
  });
  afterAll(async () => {
    await mariadb.close();
    await expectNothingLeft(before);
  });

  test('is reached on its default port by a socket that is handed to mysql2', async () => {
    const stream = await mariadb.network.connect({ port: 3306, host: '127.0.0.1' });
    const connection = await createConnection({ user: 'root', stream });
    const [rows] = await connection.query('select @@port as port');
    expect(rows).toEqual([{ port: 3306 }]);
    await connection.end();
  });

  test('is reached by a forward', async () => {
    await using forward = await mariadb.network.forward({ host: 0, inside: 3306 });
    const connection = await createConnection({ host: '127.0.0.1', port: forward.port, user: 'root' });
    await connection.query('create database shop');
    await connection.query('create table shop.orders (id int auto_increment primary key, what text)');
    await connection.query('insert into shop.orders (what) values (?)', ['a book']);
    const [rows] = await connection.query('select what from shop.orders');
    expect(rows).toEqual([{ what: 'a book' }]);
    await connection.end();
  });
});
