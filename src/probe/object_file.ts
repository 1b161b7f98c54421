/**
 * The BPF object that scripts/build makes, as part of the program.
 *
 * @module
 */

import object from "../../build/vrft.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
