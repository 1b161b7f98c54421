/**
 * The BPF object for drops alone, on kernels whose skb:kfree_skb gives no reason.
 *
 * @module
 */

import object from "../../../build/drops_5.10.bpf.o" with { type: "bytes" };

export default object as Uint8Array<ArrayBuffer>;
