/**
 * One of each N packets of a recording, as the programs choose them while they trace: see `sampled()` in
 * bpf/identity.h. What is random there depends here on the CPU and the number of the packet, so it is the same each
 * time.
 *
 * @module
 */

/** Packets of one CPU. */
interface Counted {
  seen: number;
  /** Which of the next N is kept. */
  place: number;
}

/** Chooses packets. */
export class PacketSample {
  readonly of: number;
  readonly #cpus = new Map<number, Counted>();
  #seen = 0;
  #kept = 0;

  /** @param of how many packets to choose one of */
  constructor(of: number) {
    this.of = of;
  }

  /** Packets that were asked for. */
  get seen(): number {
    return this.#seen;
  }

  /** Those that were chosen. */
  get kept(): number {
    return this.#kept;
  }

  /** Whether a new packet, first seen on this CPU, is chosen. */
  keeps(cpu: number): boolean {
    let counted = this.#cpus.get(cpu);
    if (counted === undefined) this.#cpus.set(cpu, counted = { seen: 0, place: 0 });
    const place = counted.seen % this.of;
    if (place === 0) counted.place = mixed(cpu, counted.seen) % this.of;
    counted.seen++;
    this.#seen++;
    if (place !== counted.place) return false;
    this.#kept++;
    return true;
  }
}

/** 32 bits of both numbers: the finalizer of MurmurHash3. */
function mixed(one: number, other: number): number {
  let hash = Math.imul(one + 1, 0x9e37_79b9) ^ other;
  hash = Math.imul(hash ^ hash >>> 16, 0x85eb_ca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2_ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
