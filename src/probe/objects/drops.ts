/**
 * The BPF object for drops alone, on Linux 5.17 and newer.
 *
 * @module
 */

import object from "../../../build/drops.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
