/** Passes bytes on between the two sides of a connection, and has those of the client looked at before. */
import type { Socket } from 'node:net';
import type { Expected } from '../inspect/guard';
import { type Inspected, Inspector } from '../inspect/inspector';
import { type Refusal, type Refused, refuse } from '../inspect/refusal';
import { breakOff } from '../../sockets/break-off';
import { breakTogether, join } from '../../sockets/join';

/**
 * Makes one connection of two, of which the client's side says only what was expected.
 *
 * @param refused - called when it says something else: the client has been told, and the server's side is broken off
 */
export function passOn(client: Socket, server: Socket, expected: Expected, refused: (refusal: Refusal) => void): void {
  const inspector = new Inspector(expected, (inspected) => passing.take(inspected));
  if (inspector.settled) {
    join(client, server);
    return;
  }
  const passing = new Passing(client, server, inspector, refused);
}

/** As long as there is something to look at. */
class Passing {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #inspector: Inspector;
  readonly #refused: (refusal: Refusal) => void;
  readonly #part: () => void;
  #hasEnded = false;

  constructor(client: Socket, server: Socket, inspector: Inspector, refused: (refusal: Refusal) => void) {
    this.#client = client;
    this.#server = server;
    this.#inspector = inspector;
    this.#refused = refused;
    this.#part = breakTogether(client, server);
    client.once('close', this.#close);
    server.on('data', this.#hear).on('drain', this.#resume);
    server.pipe(client);
    client.on('data', this.#look).once('end', this.#end).resume();
  }

  /** Lets bytes of the client go on, or ends the connection. */
  take({ pass, refusal }: Inspected): void {
    for (const bytes of pass) this.#server.write(bytes);
    if (refusal !== undefined) this.#refuse(refusal);
    else if (this.#inspector.settled) this.#settle();
    else if (this.#hasEnded && this.#inspector.waiting === 0) this.#server.end();
    else if (this.#server.writableNeedDrain || this.#inspector.holds) this.#client.pause();
  }

  readonly #look = (chunk: Buffer): void => this.take(this.#inspector.fromClient(chunk));

  readonly #hear = (chunk: Buffer): void => {
    if (!this.#inspector.listens) return;
    this.take(this.#inspector.fromServer(chunk));
    this.#resume();
  };

  readonly #resume = (): void => {
    if (!this.#server.writableNeedDrain && !this.#inspector.holds) this.#client.resume();
  };

  readonly #end = (): void => {
    this.#hasEnded = true;
    this.take(this.#inspector.end());
  };

  readonly #close = (): void => this.#inspector.close();

  /** There is nothing more to look at. */
  #settle(): void {
    this.#leave();
    this.#client.pipe(this.#server);
  }

  #refuse(refusal: Refusal): void {
    this.#leave();
    this.#part();
    this.#server.unpipe(this.#client);
    breakOff(this.#server);
    refuse(this.#client, refusal);
    this.#refused(refusal);
  }

  #leave(): void {
    this.#inspector.close();
    this.#client.off('data', this.#look).off('end', this.#end).off('close', this.#close);
    this.#server.off('data', this.#hear).off('drain', this.#resume);
  }
}

/** Milliseconds for a client to show which protocol it speaks. Some wait for the server to speak first. */
const PATIENCE = 1000;

/** Tells a client that its connection is refused, in the protocol that it speaks, and ends it. */
export function tell(client: Socket, refused: Refused, to: Pick<Expected, 'name' | 'port'>): void {
  const finish = (refusal: Refusal): void => {
    clearTimeout(timer);
    inspector.close();
    client.off('data', look).off('end', reset).off('close', reset);
    refuse(client, refusal);
  };
  const reset = (): void => finish({ ...refused, protocol: 'other', headOnly: false });
  const hear = ({ refusal }: Inspected): void => {
    if (refusal !== undefined) finish(refusal);
  };
  const look = (chunk: Buffer): void => hear(inspector.fromClient(chunk));
  const inspector = new Inspector({ name: to.name, port: to.port, denied: refused }, hear);
  const timer = setTimeout(reset, PATIENCE);
  client.on('data', look).once('end', reset).once('close', reset).resume();
}
