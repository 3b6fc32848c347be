import { constants } from 'node:os';
import { Errno, describeErrno } from '../../lib/kernel/errno';

test.each(Object.entries(Errno))('%s is called so, and explained', (name, number) => {
  const [called, text] = describeErrno(number);
  // Two names of one number on Linux.
  expect(called).toBe(name === 'EOPNOTSUPP' ? 'ENOTSUP' : name);
  expect(text).toMatch(/^[a-z].*[a-z)]$/i);
  expect(text).not.toMatch(/unknown/);
  expect(describeErrno(-number)).toEqual([called, text]);
});

test('the numbers are those of this kernel, where Node knows them', () => {
  const known = Object.entries(Errno).filter(([name]) => name in constants.errno);
  expect(known.length).toBeGreaterThan(30);
  for (const [name, number] of known) expect([name, number]).toEqual([name, constants.errno[name as 'EPERM']]);
});

test('a number that nobody knows is told as it is', () => {
  expect(describeErrno(-5000)).toEqual(['errno 5000', 'unknown system error 5000']);
});
