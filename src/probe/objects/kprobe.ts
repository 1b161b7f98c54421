/**
 * The BPF object for kprobe events.
 *
 * @module
 */

import object from "../../../build/kprobe.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
