/**
 * The BPF object for the way of packets, on Linux 5.11 to 6.1.
 *
 * @module
 */

import object from "../../../build/packets_5.11.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
