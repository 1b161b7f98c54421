/**
 * What another file of the same trace begins with: the sections so far, without what has been overtaken. It does
 * not grow with the time that a trace takes.
 *
 * @module
 */

import type {
  ClockPair,
  RecordedDevice,
  RecordedSymbol,
  RecordedTask,
  Section,
} from "./sections.ts";

/** Names of each kind, at most: of more, the oldest are given up. */
const MAX_NAMES = 65_536;

/** Keeps what is still true. */
export class CarriedSections {
  /** Those that take the place of the one before, by name. */
  readonly #latest = new Map<string, Section>();
  #clocks: readonly ClockPair[] = [];
  readonly #symbols = new Map<bigint, RecordedSymbol>();
  readonly #devices = new Map<string, RecordedDevice>();
  readonly #tasks = new Map<number, RecordedTask>();

  /** Adds a section. */
  add(section: Section): void {
    switch (section.name) {
      case "clocks":
        this.#clocks = section.value.slice(-1);
        break;
      case "symbols":
        for (const one of section.value) put(this.#symbols, one[0], one);
        break;
      case "devices":
        for (const one of section.value) put(this.#devices, `${one[0]} ${one[1]}`, one);
        break;
      case "tasks":
        for (const one of section.value) put(this.#tasks, one[0], one);
        break;
      default:
        this.#latest.set(section.name, section);
    }
  }

  /** All of it. */
  *all(): Generator<Section, void, undefined> {
    yield* this.#latest.values();
    if (this.#clocks.length > 0) yield { name: "clocks", value: this.#clocks };
    if (this.#symbols.size > 0) yield { name: "symbols", value: [...this.#symbols.values()] };
    if (this.#devices.size > 0) yield { name: "devices", value: [...this.#devices.values()] };
    if (this.#tasks.size > 0) yield { name: "tasks", value: [...this.#tasks.values()] };
  }
}

function put<K, V>(names: Map<K, V>, key: K, name: V): void {
  // To its end: the first is the oldest.
  names.delete(key);
  names.set(key, name);
  if (names.size <= MAX_NAMES) return;
  const [oldest] = names.keys();
  names.delete(oldest!);
}
