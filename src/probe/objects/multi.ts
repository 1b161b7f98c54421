/**
 * The BPF object for kprobe.multi.
 *
 * @module
 */

import object from "../../../build/multi.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
