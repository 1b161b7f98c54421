/**
 * Prints packets to stdout or a file: the ones that the user wants, in the form that the user wants.
 *
 * @module
 */

import type { LineWriter } from "../output/line_writer.ts";
import type { PacketCounts } from "../output/packets/summary.ts";
import type { PacketView } from "../output/packets/view.ts";
import { monotonicClock } from "../sys/clock.ts";
import type { Journey, Outcome } from "../trace/journey.ts";
import { LinePrinter, type LinePrinterOptions } from "./line_printer.ts";
import type { PacketFollower } from "./packet_follower.ts";
import type { TracePrinter } from "./running_trace.ts";

/** Where packets go, and what they come from. */
export interface PacketPrinterOptions extends LinePrinterOptions {
  /** Starts to follow packets, and tells the journey of each. */
  readonly follow: (receive: (journey: Journey) => void) => PacketFollower;
  /** Opens the view. */
  readonly view: (writer: LineWriter) => PacketView;
  /** Whether a packet is to be shown. */
  readonly wanted: (journey: Journey) => boolean;
  /** Nanoseconds of CLOCK_MONOTONIC, which records have; by default the kernel's. */
  readonly clock?: () => number;
}

/** Prints packets. */
export class PacketPrinter extends LinePrinter implements TracePrinter {
  readonly #with: PacketPrinterOptions;
  readonly #follower: PacketFollower;
  readonly #view: PacketView;
  readonly #clock: () => number;
  readonly #outcomes = new Map<Outcome["type"], number>();
  #hidden = 0;
  #incomplete = 0;
  #isFinished = false;

  constructor(options: PacketPrinterOptions) {
    super(options);
    this.#with = options;
    this.#clock = options.clock ?? monotonicClock();
    this.#view = options.view(this.writer);
    this.#follower = options.follow((journey) => this.#receive(journey));
  }

  /** What has been seen. */
  get counts(): PacketCounts {
    return {
      outcomes: this.#outcomes,
      hidden: this.#hidden,
      incomplete: this.#incomplete,
      ...this.#follower.counts,
    };
  }

  get full(): boolean {
    return this.#view.isFull;
  }

  get done(): boolean {
    return this.#view.isFull;
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    this.#follower.record(words, at, bytes);
  }

  lost(ahead: number): void {
    this.#follower.lost(ahead);
  }

  dry(): void {
    this.#follower.expire(this.#clock());
    this.writer.flush();
  }

  /** Tells what is under way, and prints what stands at the end. */
  override finish(): void {
    if (!this.#isFinished) {
      this.#isFinished = true;
      this.#follower.finish();
      this.#view.finish();
    }
    this.writer.flush();
  }

  #receive(journey: Journey): void {
    const { outcome: { type }, isIncomplete } = journey;
    // What comes behind the limit is not known in full, and would differ from run to run.
    if (this.#view.isFull) return;
    this.#outcomes.set(type, (this.#outcomes.get(type) ?? 0) + 1);
    if (isIncomplete) this.#incomplete++;
    const isWanted = this.#with.wanted(journey);
    if (!isWanted) this.#hidden++;
    this.#view.packet(journey, isWanted);
  }
}
