// What programs inside and outside do, by the request in the first argument, as JSON. Prints what it has measured.
'use strict';
const net = require('node:net');
const { performance } = require('node:perf_hooks');

const { what, host, port, name, count, bytes = 1, parallel = 1, proxy } = JSON.parse(process.argv[2]);
const HEAD_END = '\r\n\r\n';

/** Resolves with a connection to the server: straight, or through a proxy. */
function open() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(proxy === undefined ? { host, port } : { host: '127.0.0.1', port: proxy });
    socket.once('error', reject);
    socket.once('connect', () => {
      if (proxy === undefined) resolve(socket);
      else socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}${HEAD_END}`);
    });
    if (proxy === undefined) return;
    socket.on('data', function established(chunk) {
      if (!chunk.includes(HEAD_END)) return;
      socket.off('data', established);
      resolve(socket);
    });
  });
}

/** Resolves when the answer of that many bytes has come, with the milliseconds to its first byte. */
function ask(socket) {
  return new Promise((resolve, reject) => {
    let first;
    const began = performance.now();
    socket.once('error', reject).once('end', () => resolve(first));
    socket.on('data', () => (first ??= performance.now() - began));
    socket.write(`GET /${bytes} HTTP/1.1\r\nHost: ${name}\r\nConnection: close${HEAD_END}`);
  });
}

/** Connects and asks, again and again; resolves with the milliseconds from the connect to each first byte. */
async function requests() {
  const times = [];
  for (let done = 0; done < count; done++) {
    const began = performance.now();
    const socket = await open();
    const connected = performance.now() - began;
    times.push(connected + (await ask(socket)));
    socket.destroy();
  }
  return times;
}

/** The same, several at a time; resolves with connections per second. */
async function rate() {
  let left = count;
  const began = performance.now();
  const worker = async () => {
    while (left-- > 0) {
      const socket = await open();
      await ask(socket);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return (count / (performance.now() - began)) * 1000;
}

/** Opens connections, says so, and keeps them until standard input ends. */
async function hold() {
  const sockets = await Promise.all(Array.from({ length: count }, open));
  console.log(JSON.stringify(sockets.length));
  process.stdin.resume().once('end', () => process.exit());
}

const measured = { requests, rate, hold }[what]();
measured.then((result) => result !== undefined && console.log(JSON.stringify(result)));
