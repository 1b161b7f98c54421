/**
 * Notices a trace that feeds itself: its output crosses a traced interface, so that each row written makes
 * more events than one.
 *
 * Nothing but the output of such a trace tells it from a busy host. So when events have kept coming for a
 * while, the output is held back for a moment: where that makes them die away, and letting it go on
 * brings them back, again and again and at moments that no other traffic would choose, the trace is
 * its own cause. Nothing is lost by that, as the ring keeps what comes meanwhile.
 *
 * @module
 */

/** Milliseconds over which events are counted. */
const WINDOW_MS = 100;
/** Events of a window that are worth a look; fewer harm nobody. */
const BUSY_EVENTS = 200;
/** Busy windows without a break, before the output is first held back and then between two times. */
const BUSY_WINDOWS = 10;
const BUSY_BETWEEN = 4;
/** Milliseconds of holding it: a different time each time, between these two. */
const SHORTEST_HOLD_MS = 300;
const LONGEST_HOLD_MS = 900;
/** What follows on a slow link has more on the way: each try after one in vain holds twice as long, up to this. */
const LONGEST_PATIENCE = 4;
/** Milliseconds within which events must be back. */
const BACK_MS = 400;
/** They have died away at less than this share of what they were. */
const QUIET_SHARE = 0.25;
/** Times that they must have done so. */
const ROUNDS = 4;
/** Milliseconds until the next try, at first; twice as long after each. */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;

/** What the watch sees and does. */
export interface LoopSurroundings {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Events that the programs have produced, with those that found no room. */
  events(): number;
  /** Events that found no room. */
  lost(): number;
  /** Holds the output back, or lets it go on. */
  hold(held: boolean): void;
  /** From 0 to below 1. */
  random(): number;
}

/** What goes on: events come; the output is held and they may ebb; they should have; they should come back. */
type Phase = "busy" | "ebb" | "held" | "back";

/** Watches one trace. */
export class LoopWatch {
  readonly #world: LoopSurroundings;
  readonly #looping: () => void;
  #phase: Phase = "busy";
  /** When the present phase ends. */
  #deadline = 0;
  /** Where the present count of events began. */
  #since: number;
  #events: number;
  #lost: number;
  /** Busy windows on end. */
  #busy = 0;
  /** Events in a millisecond, before the output was held. */
  #rate = 0;
  /** Whether all events had found room until then. */
  #lossless = true;
  #rounds = 0;
  #notBefore = 0;
  #pause = FIRST_PAUSE_MS;
  #patience = 1;

  /** @param looping called once the trace is found to feed itself */
  constructor(world: LoopSurroundings, looping: () => void) {
    this.#world = world;
    this.#looping = looping;
    this.#since = world.now();
    this.#events = world.events();
    this.#lost = world.lost();
  }

  /** To be called at least every tenth of a second. */
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

  /** Lets the output go on, whatever is going on. */
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

  /** What is on its way arrives. */
  #whileEbbing(now: number): void {
    // Holding the output must not be what loses events.
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

  /** Events come and go by themselves. */
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

  /** Counts from now on. */
  #count(now: number): void {
    this.#since = now;
    this.#events = this.#world.events();
    this.#lost = this.#world.lost();
  }
}
