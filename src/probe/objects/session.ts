/**
 * The BPF object for kprobe.session, Linux 7.0.
 *
 * @module
 */

import object from "../../../build/session.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
