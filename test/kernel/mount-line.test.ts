import { parseMountLine } from '../../lib/kernel/mount-line';

test('a line of mountinfo is read, field by field', () => {
  const line =
    '36 35 98:1 /root /target rw,noatime shared:1 master:2 propagate_from:3 - ext4 /dev/sda rw,errors=continue';
  expect(parseMountLine(line)).toEqual({
    id: 36,
    parentId: 35,
    major: 98,
    minor: 1,
    root: '/root',
    deleted: false,
    target: '/target',
    options: ['rw', 'noatime'],
    shared: 1,
    master: 2,
    propagateFrom: 3,
    unbindable: false,
    type: 'ext4',
    source: '/dev/sda',
    superOptions: ['rw', 'errors=continue'],
  });
});

test('what is private has no propagation, and an unbindable mount says so', () => {
  const mount = parseMountLine('36 35 0:5 / /x rw - tmpfs none rw');
  expect(mount).not.toHaveProperty('shared');
  expect(mount).not.toHaveProperty('master');
  expect(mount).not.toHaveProperty('propagateFrom');
  expect(parseMountLine('36 35 0:5 / /x rw unbindable - tmpfs none rw')).toMatchObject({ unbindable: true });
});

test('octal escapes are undone, once', () => {
  const line = '36 35 0:5 /a\\040b /x\\011y\\012z\\134040 rw - fuse.s\\043 a\\040b rw';
  expect(parseMountLine(line)).toMatchObject({
    root: '/a b',
    target: '/x\ty\nz\\040',
    type: 'fuse.s#',
    source: 'a b',
  });
});

test('a comma in a value is not one between options', () => {
  const line = '36 35 0:5 / /x rw - overlay overlay rw,lowerdir=/a\\054b:/c,upperdir=/d';
  expect(parseMountLine(line).superOptions).toEqual(['rw', 'lowerdir=/a,b:/c', 'upperdir=/d']);
});

test('a source may be empty', () => {
  expect(parseMountLine('36 35 0:5 / /x rw - tmpfs  rw')).toMatchObject({ source: '', superOptions: ['rw'] });
});

test('a root that has been removed is told from one of that name', () => {
  expect(parseMountLine('36 35 0:5 /gone//deleted /x rw - tmpfs none rw')).toMatchObject({
    root: '/gone',
    deleted: true,
  });
  expect(parseMountLine('36 35 0:5 /a/deleted /x rw - tmpfs none rw')).toMatchObject({
    root: '/a/deleted',
    deleted: false,
  });
});

test('optional fields that nobody knows yet are passed over', () => {
  expect(parseMountLine('36 35 0:5 / /- rw new:7 other shared:4 - tmpfs - rw')).toMatchObject({
    target: '/-',
    shared: 4,
    type: 'tmpfs',
    source: '-',
  });
});
