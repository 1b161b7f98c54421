/**
 * The BPF object for kprobe.session, Linux 6.10 to 6.19.
 *
 * @module
 */

import object from "../../../build/session_6.10.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
