// A web server on the loopback, in a process of its own: GET /N answers with N bytes. Prints its port.
'use strict';
const http = require('node:http');

const CHUNK = Buffer.alloc(1 << 20);

const server = http.createServer((request, response) => {
  let left = Number(request.url.slice(1));
  response.setHeader('Content-Length', left);
  const send = () => {
    while (left > 0) {
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      if (!response.write(chunk)) {
        response.once('drain', send);
        return;
      }
    }
    response.end();
  };
  send();
});
server.listen(0, '127.0.0.1', 4096, () => console.log(server.address().port));
