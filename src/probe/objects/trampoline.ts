/**
 * The BPF object for fsession.multi, Linux 7.2.
 *
 * @module
 */

import object from "../../../build/trampoline.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
