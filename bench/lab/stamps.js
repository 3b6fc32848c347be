// A program on a host. As 'sender' it sends the time, again and again, to an address; as 'receiver' it tells, when it is
// asked, the last time that it was sent. The clock is one for all processes: hrtime is CLOCK_MONOTONIC.
'use strict';

const { createSocket } = require('node:dgram');
const { setImmediate } = require('node:timers');

const PORT = 7000;
const [role, address] = process.argv.slice(2);
const socket = createSocket('udp4');

if (role === 'receiver') {
  let last = '0';
  socket.on('message', (message) => (last = String(message)));
  socket.bind(PORT, () => process.send('ready'));
  process.on('message', () => process.send(last));
} else {
  const send = () => {
    socket.send(String(process.hrtime.bigint()), PORT, address);
    setImmediate(send);
  };
  send();
}
process.on('disconnect', () => process.exit());
