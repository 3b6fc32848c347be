// An HTTP proxy that knows CONNECT, as one writes it with node:http. Prints its port.
'use strict';
const http = require('node:http');
const net = require('node:net');

const proxy = http.createServer((_, response) => response.writeHead(405).end());
proxy.on('connect', (request, client, head) => {
  const [host, port] = request.url.split(':');
  const server = net.connect({ host, port, noDelay: true }, () => {
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    server.write(head);
    server.pipe(client).pipe(server);
  });
  server.on('error', () => client.destroy());
  client.on('error', () => server.destroy());
});
proxy.listen(0, '127.0.0.1', 4096, () => console.log(proxy.address().port));
