/** Sockets of network namespaces: what the methods of {@link Sockets} do. */
import { provideSockets } from '../../namespace/sockets';
import { lookup } from '../resolve/lookup';
import { connector, httpAgent, httpsAgent } from './agents';
import { connect } from './connect';
import { createSocket } from './datagram';
import { listen } from './listen';

export type { Connector, ConnectorOptions, ConnectorRequest, HttpAgentOptions, HttpsAgentOptions } from './agents';
export type { ConnectOptions } from './connect';
export type { DatagramOptions } from './datagram';
export type { ListenOptions } from './listen';

provideSockets({ listen, connect, createSocket, lookup, httpAgent, httpsAgent, connector });
