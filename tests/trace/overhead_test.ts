import assert from "node:assert/strict";
import { type Overhead, OverheadMeter, type OverheadSources } from "../../src/trace/overhead.ts";

/** A host whose clock and loads the test sets. */
class Host implements OverheadSources {
  #now = 1_000_000;
  #ownMs = 500;
  #programsMs = 7;
  #runs = 3;
  /** Shares in per cent of one CPU. */
  programsShare = 0;
  ownShare = 0;
  timed = true;

  pass(ms: number): void {
    this.#now += ms;
    this.#ownMs += ms * this.ownShare / 100;
    if (!this.timed) return;
    this.#programsMs += ms * this.programsShare / 100;
    this.#runs += ms * this.programsShare;
  }

  now(): number {
    return this.#now;
  }

  ownMs(): number {
    return this.#ownMs;
  }

  programs(): { ms: number; runs: number } {
    return { ms: this.#programsMs, runs: this.#runs };
  }
}

/** A meter on such a host, stepped as its timer would. */
class Stepped {
  readonly host = new Host();
  readonly exceeded: number[] = [];
  readonly meter: OverheadMeter;
  #left = 0;

  constructor(limit: number | null = null) {
    this.meter = new OverheadMeter(this.host, limit, (share) => void this.exceeded.push(share));
  }

  /** Lets time pass, with a step whenever one is due. */
  pass(ms: number): void {
    while (this.#left <= ms) {
      this.host.pass(this.#left);
      ms -= this.#left;
      this.#left = this.meter.step();
      assert.ok(this.#left > 0, "a step that is due at once");
    }
    this.host.pass(ms);
    this.#left -= ms;
  }

  /** Ends the measuring. */
  end(): Overhead {
    this.meter.stop();
    return this.meter.overhead()!;
  }
}

function rounded({ programs, own, peak }: Overhead): unknown {
  const round = (share: number | null): number | null => share === null ? null : Math.round(share);
  return { programs: round(programs), own: round(own), peak: round(peak) };
}

Deno.test("OverheadMeter keeps to its seconds when its steps come late", () => {
  const { host, meter } = new Stepped();
  meter.step();
  host.pass(130); // for 100
  assert.equal(meter.step(), 870);
  host.pass(900); // for 870
  assert.equal(meter.step(), 100);
  host.pass(2500); // for 100: the reader was held up
  assert.equal(meter.step(), 4000 - 130 - 900 - 2500);
});

Deno.test("OverheadMeter gives the average shares, and the highest of both together", () => {
  const stepped = new Stepped();
  stepped.host.ownShare = 10;
  stepped.host.programsShare = 20;
  stepped.pass(2000);
  stepped.host.programsShare = 80;
  stepped.host.ownShare = 30;
  stepped.pass(2000);
  assert.deepEqual(rounded(stepped.end()), { programs: 50, own: 20, peak: 110 });
});

Deno.test("OverheadMeter has each window speak for the time until the next, however often they come", () => {
  // Above the limit, windows follow each other: they must not outweigh those before.
  const stepped = new Stepped(50);
  stepped.host.programsShare = 10;
  stepped.pass(4000);
  stepped.host.programsShare = 100;
  stepped.pass(500);
  stepped.host.programsShare = 10;
  stepped.pass(500);
  assert.deepEqual(stepped.exceeded, []);
  assert.deepEqual(rounded(stepped.end()), { programs: 19, own: 0, peak: 100 });
});

Deno.test("OverheadMeter has figures of a trace that ends in its first window, but no highest one", () => {
  const stepped = new Stepped();
  stepped.host.programsShare = 40;
  stepped.host.ownShare = 5;
  stepped.pass(3);
  assert.deepEqual(rounded(stepped.end()), { programs: 40, own: 5, peak: null });
});

Deno.test("OverheadMeter does not take the stump of a window for the highest share", () => {
  const stepped = new Stepped();
  stepped.host.programsShare = 10;
  stepped.pass(3000);
  stepped.host.programsShare = 4000;
  stepped.pass(2);
  const overhead = stepped.end();
  assert.equal(Math.round(overhead.peak!), 10);
  assert.ok(overhead.programs! < 13, `${overhead.programs}`);
});

Deno.test("OverheadMeter gives the average time of a program's run", () => {
  const stepped = new Stepped();
  stepped.host.programsShare = 50;
  stepped.pass(1500);
  // The host counts 100 runs for each millisecond of CPU.
  assert.equal(Math.round(stepped.end().runNs!), 10_000);
});

Deno.test("OverheadMeter makes up nothing where the kernel does not time programs", () => {
  const stepped = new Stepped();
  stepped.host.timed = false;
  stepped.host.ownShare = 5;
  stepped.pass(3000);
  assert.deepEqual(rounded(stepped.end()), { programs: null, own: 5, peak: null });
  assert.equal(stepped.meter.overhead()!.runNs, null);
});

Deno.test("OverheadMeter tells when the share has been above the limit for a second", () => {
  const stepped = new Stepped(50);
  stepped.host.programsShare = 40;
  stepped.host.ownShare = 20;
  stepped.pass(999);
  assert.deepEqual(stepped.exceeded, []);
  stepped.pass(1);
  assert.deepEqual(stepped.exceeded.map(Math.round), [60]);
  stepped.meter.stop();
});

Deno.test("OverheadMeter looks on without a break while the share is above the limit", () => {
  const stepped = new Stepped(50);
  stepped.host.programsShare = 200;
  stepped.pass(850);
  stepped.host.programsShare = 20;
  stepped.pass(150);
  // The window from 900 to 1000 was below, so the next one begins at 2000.
  stepped.host.programsShare = 200;
  stepped.pass(1999);
  assert.deepEqual(stepped.exceeded, []);
  stepped.pass(1);
  assert.deepEqual(stepped.exceeded.map(Math.round), [200]);
});

Deno.test("OverheadMeter without a limit never tells", () => {
  const stepped = new Stepped(null);
  stepped.host.programsShare = 800;
  stepped.pass(10_000);
  assert.deepEqual(stepped.exceeded, []);
});

Deno.test("OverheadMeter does not tell of a limit when the trace has ended by itself", () => {
  const stepped = new Stepped(50);
  stepped.host.programsShare = 200;
  stepped.meter.step();
  stepped.host.pass(5000);
  stepped.end();
  assert.deepEqual(stepped.exceeded, []);
});

Deno.test("OverheadMeter has no figures before its end, nor without a beginning", () => {
  const { host, meter } = new Stepped();
  assert.equal(meter.overhead(), null);
  meter.step();
  host.pass(50);
  assert.equal(meter.overhead(), null);
  const never = new Stepped().meter;
  never.stop();
  assert.equal(never.overhead(), null);
});

Deno.test("OverheadMeter#start() takes a step at the turns at which one is due", () => {
  const host = new Host();
  const readings: number[] = [];
  const real = host.programs.bind(host);
  host.programs = (): { ms: number; runs: number } => {
    readings.push(host.now() - 1_000_000);
    return real();
  };
  const meter = new OverheadMeter(host, null, () => assert.fail("there is no limit"));
  {
    using recording = meter.start();
    for (let ms = 0; ms < 2150; ms += 10) {
      recording.turn();
      host.pass(10);
    }
    // As late as an idle reader comes.
    host.pass(97);
    recording.turn();
  }
  assert.deepEqual(readings, [0, 100, 1000, 1100, 2000, 2100, 2247]);
  assert.notEqual(meter.overhead(), null);
});
