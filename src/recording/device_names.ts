/**
 * Names for the network devices that records have. A name is asked for when the records of the device are written,
 * at most half a second after the first: devices that are gone by then stay without one.
 *
 * @module
 */

import {
  DROP_BYTES,
  DROP_IFINDEX,
  DROP_IIF,
  DROP_NETNS,
  IFINDEX,
  NETNS,
  PACKET_BYTES,
} from "../probe/packet_record.ts";
import { CPU_AND_KIND, KIND_DROP, KIND_PACKET } from "../probe/record.ts";
import type { RecordedDevice } from "./sections.ts";

/** Devices that are known: after so many, they are named anew. */
const MAX_DEVICES = 65_536;

/** Finds the names of the devices in records. */
export class OccurringDevices {
  readonly #read: (netns: number, ifindex: number) => string | null;
  readonly #named = new Set<string>();
  readonly #new = new Map<string, readonly [netns: number, ifindex: number]>();

  /**
   * @param read looks up a device by inode number of its namespace and ifindex; `null` if it is not known
   * @param known those that the recording has already
   */
  constructor(
    read: (netns: number, ifindex: number) => string | null,
    known: Iterable<RecordedDevice> = [],
  ) {
    this.#read = read;
    for (const [netns, ifindex] of known) this.#named.add(`${netns} ${ifindex}`);
  }

  /** Takes note of a record's devices, if it has any. */
  note(words: Uint32Array, at: number, bytes: number): void {
    const kind = words[at + CPU_AND_KIND]! >>> 16 & 0xff;
    if (kind === KIND_PACKET && bytes >= PACKET_BYTES) {
      this.#device(words[at + NETNS]!, words[at + IFINDEX]!);
    } else if (kind === KIND_DROP && bytes >= DROP_BYTES) {
      const netns = words[at + DROP_NETNS]!;
      this.#device(netns, words[at + DROP_IFINDEX]!);
      this.#device(netns, words[at + DROP_IIF]!);
    }
  }

  /** The names of the devices that occurred since the last call. Those without are asked for again. */
  take(): readonly RecordedDevice[] {
    if (this.#new.size === 0) return [];
    const found: RecordedDevice[] = [];
    for (const [key, [netns, ifindex]] of this.#new) {
      const name = this.#read(netns, ifindex);
      if (name === null) continue;
      if (this.#named.size >= MAX_DEVICES) this.#named.clear();
      this.#named.add(key);
      found.push([netns, ifindex, name]);
    }
    this.#new.clear();
    return found;
  }

  #device(netns: number, ifindex: number): void {
    if (ifindex === 0) return;
    const key = `${netns} ${ifindex}`;
    if (!this.#named.has(key)) this.#new.set(key, [netns, ifindex]);
  }
}
