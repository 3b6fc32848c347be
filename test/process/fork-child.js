'use strict';

// What is forked: `fork-child.js ROLE`. JavaScript, as it is run by every version of Node.

const say = (text) => process.stdout.write(`${text}\n`);

/** What a message is beside what it says: the names of its classes, which a comparison of values may not see. */
function classOf(value) {
  const type = Object.prototype.toString.call(value).slice(8, -1);
  if (type === 'Object') return Object.entries(value).map(([key, each]) => `${key}: ${classOf(each)}`);
  return Buffer.isBuffer(value) ? 'Buffer' : type;
}

const roles = {
  /** Sends back all it gets, until it is told to end. */
  echo() {
    const written = [];
    process.on('message', (message) => {
      // What is still to be written is lost with the channel.
      if (message === 'end') Promise.all(written).then(() => process.disconnect());
      else written.push(new Promise((resolve) => process.send(message, resolve)));
    });
    process.on('disconnect', () => say('disconnect'));
  },

  /** Says what it got. */
  classes() {
    process.on('message', (message) => {
      process.send({ classes: classOf(message) });
      process.disconnect();
    });
  },

  /** Speaks first, and out loud, too. */
  early() {
    process.on('message', () => process.disconnect());
    process.send('early');
    say('said');
  },

  describe() {
    const { argv, execArgv, connected } = process;
    const channel = Object.keys(process.env).filter((name) => name.startsWith('NODE_CHANNEL'));
    process.send({ argv: argv.slice(2), execArgv, connected, channel, cwd: process.cwd(), env: process.env.A });
    say('out');
    console.error('err');
  },

  /** Everything that JSON cannot say, from here to there. */
  advanced() {
    const circular = { name: 'circular' };
    circular.self = circular;
    process.send({ map: new Map([['a', { deep: new Set([1, 'b']) }]]), date: new Date(86400000), big: 2n ** 70n });
    process.send({ buffer: Buffer.from('bytes'), empty: Buffer.alloc(0), floats: new Float64Array([0.5, -0, NaN]) });
    process.send({
      shorts: new Uint16Array([1, 65535]),
      view: new DataView(new ArrayBuffer(3)),
      plain: new ArrayBuffer(2),
    });
    process.send({ bigs: new BigInt64Array([-1n]), clamped: new Uint8ClampedArray([300]), regexp: /a+/giu });
    process.send({
      error: new RangeError('too far'),
      sparse: new Array(3).fill(1, 1, 2),
      nothing: undefined,
      infinity: -Infinity,
    });
    process.send(circular);
    process.disconnect();
  },

  /** Many messages, each in its turn, and the end at once. */
  flood(count, size) {
    const text = 'x'.repeat(Number(size));
    for (let number = 0; number < Number(count); number++) process.send({ number, text });
  },

  /** The same, by a process that exits: what fits into the socket is there. */
  exit() {
    for (let number = 0; number < 10; number++) process.send(number);
    process.exit(7);
  },

  /** Counts what it gets. */
  count(count) {
    let next = 0;
    process.on('message', ({ number }) => {
      if (number !== next++) throw new Error(`${number} came as ${next - 1}`);
      if (next < Number(count)) return;
      say(`got ${next}`);
      process.send({ got: next });
      process.disconnect();
    });
  },

  /** Listens, and lets that keep it no longer. */
  unref() {
    process.on('message', () => undefined);
    process.channel.unref();
    process.on('exit', () => say(`exit, connected: ${process.connected}`));
  },

  /** Neither reads nor ends. */
  deaf() {
    process.send('deaf');
    for (;;);
  },

  /** Nobody listens, so nothing keeps it. */
  silent() {
    say('silent');
  },

  /** Closes its end and lives on, until its standard input ends. */
  leave() {
    process.disconnect();
    say(`connected: ${process.connected}`);
    process.stdin.resume();
    process.on('disconnect', () => say('disconnect'));
  },

  /** Passes a server on. */
  handle() {
    const server = require('node:net').createServer();
    server.listen({ path: `\0linux-ns-${process.pid}` }, () => {
      process.send('server', server, {}, () => undefined);
      process.send('after');
      process.on('message', () => process.exit());
    });
  },
};

roles[process.argv[2]](...process.argv.slice(3));
