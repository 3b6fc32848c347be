/** Ports of HTTP, and of protocols that begin with TLS: there the client speaks first. */
const CLIENT_PORTS: ReadonlySet<number> = new Set([
  ...[80, 443, 591, 3000, 3128, 4873, 5000, 5601, 6443, 8000, 8008, 8080, 8081, 8088, 8443, 8888, 9000, 9090, 9200],
  ...[465, 636, 853, 989, 990, 992, 993, 994, 995, 5671, 6697, 8883],
]);

/** Milliseconds for the first byte of a client there. To make a ClientHello takes some programs a while. */
const FIRST_BYTE_TIME = 250;

/** Milliseconds elsewhere. A client that speaks first has commonly spoken before its connection is accepted. */
const GLANCE_TIME = 1;

/**
 * How long a client that is denied may take to show its protocol, before it is told by a reset. It may wait for the server
 * to speak, which never will.
 */
export function firstByteTime(port: number): number {
  return CLIENT_PORTS.has(port) ? FIRST_BYTE_TIME : GLANCE_TIME;
}
