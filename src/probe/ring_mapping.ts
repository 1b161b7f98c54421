/**
 * Maps the rings of a BPF object into this process.
 *
 * @module
 */

import { SharedMemory } from "../sys/shared_memory.ts";
import type { BpfObject } from "./object.ts";
import type { RingMemory } from "./ring.ts";

/** The mapping of the rings; unmapped on dispose, which detaches the view. */
export class RingMapping implements Disposable {
  readonly memory: RingMemory;
  readonly #blocks: SharedMemory;

  /**
   * @param object a loaded object; the rings' positions are part of its data
   * @throws {SystemError} if the kernel refuses
   */
  constructor(object: Pick<BpfObject, "ringLayout" | "rings" | "mapFd">) {
    const { ringLayout: layout, rings } = object;
    const bytes = layout.cpus.length * layout.blocks * layout.blockBytes;
    const options = { writable: true };
    const map = object.mapFd("ring_blocks");
    this.#blocks = new SharedMemory("the ring buffers", map, bytes, options);
    this.memory = { layout, rings, blocks: this.#blocks.view(0, bytes) };
  }

  [Symbol.dispose](): void {
    this.#blocks[Symbol.dispose]();
  }
}
