/**
 * Detects a feedback loop: the output of a trace crosses a traced interface, so each row causes more than
 * one event.
 *
 * Such a trace looks like that of a busy host. So when there have been many events for some time, the
 * output is paused briefly. If events stop during the pause and resume after it, several times in a row
 * with pauses of random length, which other traffic would not follow, the trace causes them itself.
 * Pausing loses nothing, as the ring stores the events meanwhile.
 *
 * @module
 */

/** Milliseconds of a window, in which events are counted. */
const WINDOW_MS = 100;
/** Events per window of a busy trace; fewer are harmless. */
const BUSY_EVENTS = 200;
/** Consecutive busy windows before the first pause, and between pauses. */
const BUSY_WINDOWS = 10;
const BUSY_BETWEEN = 4;
/** Limits of a pause in milliseconds; its length is random. */
const SHORTEST_HOLD_MS = 300;
const LONGEST_HOLD_MS = 900;
/** Limit of the factor of pauses, which doubles with each failed attempt: slow links drain slowly. */
const LONGEST_PATIENCE = 4;
/** Milliseconds for events to resume. */
const BACK_MS = 400;
/** Events have stopped if their rate is below this share of the rate before the pause. */
const QUIET_SHARE = 0.25;
/** Pauses in a row that show a loop. */
const ROUNDS = 4;
/** Milliseconds after a failed attempt until the next; doubles each time up to the limit. */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;

/** What the watch observes and controls. */
export interface LoopSurroundings {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Number of events so far, including lost ones. */
  events(): number;
  /** Number of lost events so far. */
  lost(): number;
  /** Pauses or resumes the output. */
  hold(held: boolean): void;
  /** From 0 to below 1. */
  random(): number;
}

/**
 * `busy`: events are counted; `ebb`: the output is paused and drains; `held`: events must have stopped;
 * `back`: the output continues and events must resume.
 */
type Phase = "busy" | "ebb" | "held" | "back";

/** Watches one trace. */
export class LoopWatch {
  readonly #world: LoopSurroundings;
  readonly #looping: () => void;
  #phase: Phase = "busy";
  /** End of the current phase. */
  #deadline = 0;
  /** Start of the current count of events. */
  #since: number;
  #events: number;
  #lost: number;
  /** Consecutive busy windows. */
  #busy = 0;
  /** Events per millisecond before the pause. */
  #rate = 0;
  /** Whether no events were lost before the pause. */
  #lossless = true;
  #rounds = 0;
  #notBefore = 0;
  #pause = FIRST_PAUSE_MS;
  #patience = 1;

  /** @param looping called when a loop is detected */
  constructor(world: LoopSurroundings, looping: () => void) {
    this.#world = world;
    this.#looping = looping;
    this.#since = world.now();
    this.#events = world.events();
    this.#lost = world.lost();
  }

  /** Must be called at least every tenth of a second. */
  turn(): void {
    const now = this.#world.now();
    switch (this.#phase) {
      case "busy":
        if (now - this.#since >= WINDOW_MS) this.#whileBusy(now);
        break;
      case "ebb":
        this.#whileEbbing(now);
        break;
      case "held":
        if (now >= this.#deadline) this.#whileHeld(now);
        break;
      case "back":
        this.#whileBack(now);
    }
  }

  /** Resumes the output in any phase. */
  stop(): void {
    this.#world.hold(false);
  }

  #whileBusy(now: number): void {
    const rate = (this.#world.events() - this.#events) / (now - this.#since);
    const lossless = this.#world.lost() === this.#lost;
    this.#count(now);
    this.#busy = rate * WINDOW_MS >= BUSY_EVENTS ? this.#busy + 1 : 0;
    if (this.#busy === 0) this.#rounds = 0;
    const enough = this.#rounds === 0 ? BUSY_WINDOWS : BUSY_BETWEEN;
    if (this.#busy < enough || now < this.#notBefore) return;
    this.#rate = rate;
    this.#lossless = lossless;
    const range = LONGEST_HOLD_MS - SHORTEST_HOLD_MS;
    const hold = (SHORTEST_HOLD_MS + range * this.#world.random()) * this.#patience;
    this.#enter("ebb", now, hold / 2);
    this.#world.hold(true);
  }

  /** Output already written arrives. */
  #whileEbbing(now: number): void {
    // The pause must not cause losses.
    if (this.#lossless && this.#world.lost() > this.#lost) return this.#giveUp(now);
    if (now < this.#deadline) return;
    this.#enter("held", now, now - this.#since);
  }

  #whileHeld(now: number): void {
    const rate = (this.#world.events() - this.#events) / (now - this.#since);
    if (rate > this.#rate * QUIET_SHARE) return this.#giveUp(now);
    this.#enter("back", now, BACK_MS);
    this.#world.hold(false);
  }

  #whileBack(now: number): void {
    const events = this.#world.events() - this.#events;
    if (events >= this.#rate * QUIET_SHARE * WINDOW_MS) {
      this.#enter("busy", now, 0);
      this.#rounds++;
      if (this.#rounds === ROUNDS) this.#looping();
    } else if (now >= this.#deadline) {
      this.#giveUp(now);
    }
  }

  /** Events do not follow the output: no loop. */
  #giveUp(now: number): void {
    this.#world.hold(false);
    this.#enter("busy", now, 0);
    this.#rounds = 0;
    this.#notBefore = now + this.#pause;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#patience = Math.min(this.#patience * 2, LONGEST_PATIENCE);
  }

  #enter(phase: Phase, now: number, milliseconds: number): void {
    this.#phase = phase;
    this.#deadline = now + milliseconds;
    this.#busy = 0;
    this.#count(now);
  }

  /** Starts a new count of events. */
  #count(now: number): void {
    this.#since = now;
    this.#events = this.#world.events();
    this.#lost = this.#world.lost();
  }
}
