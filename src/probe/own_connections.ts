/**
 * Configures the connections that carry the trace's own output, for the programs to ignore.
 *
 * @module
 */

import type { Connection } from "../sys/connections.ts";
import {
  CONFIG_OWN,
  CONNECTION_ADDRESS,
  CONNECTION_BYTES,
  CONNECTION_PORT,
  CONNECTION_VERSION,
  OWN_CONNECTIONS,
} from "./layout.ts";

const ADDRESS_BYTES = 16;

/** Writes up to {@linkcode OWN_CONNECTIONS} connections into the configuration, in network byte order. */
export function setConnections(config: DataView, connections: readonly Connection[]): void {
  connections.slice(0, OWN_CONNECTIONS).forEach(({ local, remote }, index) => {
    const at = CONFIG_OWN + index * CONNECTION_BYTES;
    [local, remote].forEach(({ address, port }, end) => {
      address.forEach((byte, place) =>
        config.setUint8(at + CONNECTION_ADDRESS + end * ADDRESS_BYTES + place, byte)
      );
      config.setUint16(at + CONNECTION_PORT + 2 * end, port);
    });
    config.setUint32(at + CONNECTION_VERSION, local.address.length === 4 ? 4 : 6, true);
  });
}
