import { fuzz } from './fuzz';
import { Fed } from './feed';

test('the verdict does not depend on chunks, and no other host passes: 20,000 connections, with bytes changed', () => {
  const { inputs, refused, passed } = fuzz(20_000, 1);
  expect(inputs).toBe(20_000);
  expect(refused).toBeGreaterThan(5_000);
  expect(passed).toBeGreaterThan(1_000);
});

test('bytes that wait are counted, and those that have gone are not', () => {
  const fed = new Fed();
  expect(fed.inspector.waiting).toBe(0);
  fed.client('GET / HTTP/1.1\r\n');
  expect(fed.inspector.waiting).toBe(16);
  fed.client('Host: www.example.com\r\nUpgrade: h2c\r\n\r\n');
  expect(fed.inspector.waiting).toBe(0);
  fed.inspector.close();
});

test('what is settled is given back as it is', () => {
  const fed = new Fed().client('SSH-2.0-x\r\n');
  const chunk = Buffer.from('anything');
  expect(fed.inspector.fromClient(chunk)).toEqual({ pass: [chunk], refusal: undefined });
  expect(fed.inspector.fromServer(chunk)).toEqual({ pass: [], refusal: undefined });
});

test('bytes of many small chunks take no more than a moment', () => {
  const started = process.cpuUsage();
  const fed = new Fed();
  const line = Buffer.from('GET / HTTP/1.1\r\nHost: www.example.com\r\nX: ');
  for (const byte of line) fed.client(Buffer.from([byte]));
  for (let sent = 0; sent < 60_000; sent++) fed.client(Buffer.from('y'));
  fed.client('\r\n\r\n');
  expect(fed.outcome).toMatchObject({ refusal: undefined });
  expect(process.cpuUsage(started).user).toBeLessThan(20e6);
});
