/**
 * The trace for speedscope, in its own evented format: a profile for each task.
 *
 * Format: https://www.speedscope.app/file-format-schema.json
 *
 * @module
 */

import { printable, printableJsonLine } from "../sys/printable.ts";
import type { Step } from "../trace/events.ts";
import type { LineWriter } from "./line_writer.ts";
import { Row, textBytes } from "./row.ts";
import { BlockSpool, Lane, MemorySpool } from "./spool.ts";
import { Since, trackName, Tracks } from "./tracks.ts";
import {
  type Format,
  missingText,
  type Origin,
  type OutputView,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";

/** The format's entry in the list. */
export const SPEEDSCOPE: Format = {
  packets: false,
  drops: false,
  open: (writer, context) => new SpeedscopeView(writer, context),
};

/** An event as it waits for the end: nanoseconds, and the function, of a return its complement. */
const EVENT_BYTES = 12;
const BLOCK_EVENTS = 256;

const FIRST = 0;
const LAST = 1;

const OPEN = textBytes('{"type":"O","frame":');
const CLOSE = textBytes('{"type":"C","frame":');
const AT = textBytes(',"at":');
const OVER = textBytes("}");
const COMMA = textBytes(",");

/** What is kept of a task. */
class Profile {
  /** First and latest time, in an array as in `CallTree`. */
  readonly times = new Float64Array(2);
  count = 0;

  constructor(readonly key: number, readonly lane: Lane) {}
}

/** Sorts the events by task, and writes them at the end. */
class SpeedscopeView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #functions: readonly string[];
  readonly #context: TraceContext;
  readonly #origin: Origin;
  readonly #tracks: Tracks<Profile>;
  readonly #since = new Since();
  #hasStarted = false;
  readonly #row = new Row();

  constructor(writer: LineWriter, context: TraceContext) {
    const { functions, origin, spool } = context;
    this.#context = context;
    this.#writer = writer;
    this.#functions = functions;
    this.#origin = origin ?? UNKNOWN_ORIGIN;
    const blocks = new BlockSpool(spool?.() ?? new MemorySpool(), BLOCK_EVENTS * EVENT_BYTES);
    this.#tracks = new Tracks((key) => new Profile(key, new Lane(blocks)));
  }

  begin(): number {
    return 0;
  }

  enter(step: Readonly<Step>): void {
    this.#add(step, step.fn);
  }

  leave(step: Readonly<Step>): void {
    this.#add(step, ~step.fn);
  }

  abandon(step: Readonly<Step>): void {
    this.#add(step, ~step.fn);
  }

  orphan(): void {}

  *end(): Generator<void, void, undefined> {
    const { host, program } = this.#origin;
    const loss = missingText(this.#context);
    const frames = this.#functions.map((name) => ({ name: printable(name) }));
    const head = {
      $schema: "https://www.speedscope.app/file-format-schema.json",
      exporter: program,
      name: (host === "" ? "vrft" : printable(host)) + (loss === "" ? "" : `; ${loss}`),
      shared: { frames },
    };
    this.#writer.text(printableJsonLine(head).replace(/\}\n$/, ',"profiles":[\n'));
    let isFirst = true;
    for (const profile of this.#tracks.all()) {
      if (!isFirst) this.#writer.text(",\n");
      isFirst = false;
      yield* this.#profile(profile);
    }
    this.#writer.text("]}\n");
  }

  #add(step: Readonly<Step>, event: number): void {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.#since.start(step);
    }
    const profile = this.#tracks.of(step);
    const { lane, times } = profile;
    // Clocks of CPUs differ by a little, and the task may have moved.
    const time = Math.max(times[LAST]!, this.#since.to(step));
    if (profile.count++ === 0) times[FIRST] = time;
    times[LAST] = time;
    lane.view.setFloat64(lane.used, time, true);
    lane.view.setInt32(lane.used + 8, event, true);
    lane.used += EVENT_BYTES;
    if (lane.used === lane.bytes.length) lane.turnOver();
  }

  *#profile({ key, lane, times, count }: Profile): Generator<void, void, undefined> {
    const head = {
      type: "evented",
      name: trackName(key, this.#origin),
      unit: "nanoseconds",
      startValue: times[FIRST],
      endValue: times[LAST],
    };
    this.#writer.text(printableJsonLine(head).replace(/\}\n$/, ',"events":[\n'));
    lane.turnOver();
    let left = count;
    for (const _ of lane.replay()) {
      const events = Math.min(left, BLOCK_EVENTS);
      left -= events;
      for (let event = 0; event < events; event++) {
        const time = lane.view.getFloat64(event * EVENT_BYTES, true);
        const number = lane.view.getInt32(event * EVENT_BYTES + 8, true);
        this.#event(number, time, left === 0 && event === events - 1);
      }
      yield;
    }
    this.#writer.text("]}\n");
  }

  #event(event: number, time: number, isLast: boolean): void {
    const row = this.#row;
    row.clear();
    row.put(event < 0 ? CLOSE : OPEN);
    row.number(event < 0 ? ~event : event);
    row.put(AT);
    row.number(time);
    row.put(OVER);
    if (!isLast) row.put(COMMA);
    row.write(this.#writer);
  }
}
