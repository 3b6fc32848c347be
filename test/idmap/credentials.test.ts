import { ownCredentials, parseCredentials } from '../../lib/idmap/credentials';

const STATUS = 'Name:\tnode\nUid:\t1000\t1001\t1000\t1000\nGid:\t100\t101\t100\t100\nCapEff:\t0000000000000080\n';

test('the ids that count are the effective ones', () => {
  expect(parseCredentials(STATUS)).toEqual({ uid: 1001, gid: 101, setuid: true, setgid: false });
});

test("this process's", () => {
  expect(ownCredentials()).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() });
});
