/**
 * The BPF object for the way of packets, on Linux 6.2 and newer.
 *
 * @module
 */

import object from "../../../build/packets.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
