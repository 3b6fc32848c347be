/** Tells clients that they are refused, before there is another side. */
import type { Socket } from 'node:net';
import type { Expected } from '../inspect/guard';
import { type Inspected, Inspector } from '../inspect/inspector';
import { type Refusal, type Refused, refuse } from '../inspect/refusal';

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
