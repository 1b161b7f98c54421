/**
 * The Sandesh inside the captured datagrams.
 *
 * @module
 */

import { parseMessages } from "../../src/sys/netlink.ts";
import { sandeshOf } from "../../src/vrouter/genetlink.ts";
import { FAMILY_ID } from "./fake_module.ts";
import { vector, vectorNames } from "./vectors.ts";

/** The Sandesh payloads of all captured datagrams that have one, by the datagram's name. */
export function capturedPayloads(): Map<string, Uint8Array> {
  const payloads = new Map<string, Uint8Array>();
  for (const name of vectorNames()) {
    const [message] = parseMessages(vector(name));
    // The id of the family depends on what else was loaded.
    if (message !== undefined && message.type >= FAMILY_ID) {
      payloads.set(name, sandeshOf(message.payload));
    }
  }
  return payloads;
}
