/**
 * libpcap, fetched by scripts/libraries and embedded in the program. Imported on demand: a trace without
 * a packet filter does not need it, and a checkout without a build has none.
 *
 * @module
 */

import libpcap from "../../build/lib/libpcap.so.0.8" with { type: "bytes" };

export default libpcap as Uint8Array<ArrayBuffer>;
