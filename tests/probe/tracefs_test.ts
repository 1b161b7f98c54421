import assert from "node:assert/strict";
import { KprobeEvents } from "../../src/probe/tracefs.ts";
import { Failure } from "../../src/sys/failure.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

const GROUP = `vrft_${Deno.pid}`;
/** No process has this number: the kernel's largest is one less. */
const DEAD = 2 ** 22 + 1;

/** A directory that stands for tracefs; files do not act on what is written to them. */
class Tracefs implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "vrft-tracefs-" });
  readonly paths = {
    tracefs: [`${this.path}/none`, `${this.path}/tracing`],
    rcuExpedited: `${this.path}/rcu_expedited`,
  };

  constructor() {
    Deno.mkdirSync(`${this.path}/tracing/events`, { recursive: true });
    this.write("kprobe_events", "p:others/event 0xffffffff81000000\n");
    this.rcu = "0";
  }

  write(file: string, text: string): void {
    Deno.writeTextFileSync(`${this.path}/tracing/${file}`, text);
  }

  /** An event that is there. */
  event(group: string, name: string, id = 1): void {
    Deno.mkdirSync(`${this.path}/tracing/events/${group}/${name}`, { recursive: true });
    this.write(`events/${group}/${name}/id`, `${id}\n`);
  }

  /** What has been written to kprobe_events, a command each, behind what was there. */
  get commands(): string[] {
    const text = Deno.readTextFileSync(`${this.path}/tracing/kprobe_events`);
    const [first, ...commands] = text.trimEnd().split("\n");
    assert.equal(first, "p:others/event 0xffffffff81000000");
    return commands;
  }

  get rcu(): string {
    return Deno.readTextFileSync(this.paths.rcuExpedited).trim();
  }

  set rcu(state: string) {
    Deno.writeTextFileSync(this.paths.rcuExpedited, `${state}\n`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("KprobeEvents appends its probes, in a group of this process", () => {
  using tracefs = new Tracefs();
  using events = new KprobeEvents(tracefs.paths);
  events.add("p:", "entries", "0xffffffff81000005 probe=\\0:u32");
  events.add("r32:", "returns", "0xffffffff81000000 probe=\\1:u32");
  assert.deepEqual(tracefs.commands, [
    `p:${GROUP}/entries 0xffffffff81000005 probe=\\0:u32`,
    `r32:${GROUP}/returns 0xffffffff81000000 probe=\\1:u32`,
  ]);
  assert.deepEqual([events.has("entries"), events.has("exits")], [true, false]);
});

Deno.test("KprobeEvents reads an event's number", () => {
  using tracefs = new Tracefs();
  using events = new KprobeEvents(tracefs.paths);
  tracefs.event(GROUP, "entries", 1894);
  assert.equal(events.id("entries"), 1894);
});

Deno.test("KprobeEvents sums the misses of its own events", () => {
  using tracefs = new Tracefs();
  using events = new KprobeEvents(tracefs.paths);
  events.add("p:", "entries", "0xffffffff81000005");
  events.add("p:", "exits", "0xffffffff81000010");
  tracefs.write(
    "kprobe_profile",
    "  event                                    100              50\n" +
      "  entries                                 2000               3\n" +
      "  entries                                    0               4\n" +
      "  exits                                   1999              10\n",
  );
  assert.equal(events.missed(), 17);
});

Deno.test("KprobeEvents removes its events on dispose, with a mark for as long as RCU may hurry", () => {
  using tracefs = new Tracefs();
  {
    using events = new KprobeEvents(tracefs.paths);
    events.add("p:", "entries", "0xffffffff81000005");
    events.add("p:", "entries", "0xffffffff81000105");
    events.add("p:", "exits", "0xffffffff81000010");
  }
  assert.deepEqual(tracefs.commands.slice(3), [
    // Says that the switch may have been left on, if this is where the process is killed.
    `p:${GROUP}/rcu_expedited 0xffffffff81000005`,
    `-:${GROUP}/entries`,
    `-:${GROUP}/exits`,
    `-:${GROUP}/rcu_expedited`,
  ]);
  assert.equal(tracefs.rcu, "0");
});

Deno.test("KprobeEvents leaves RCU as it found it", () => {
  using tracefs = new Tracefs();
  tracefs.rcu = "1";
  {
    using events = new KprobeEvents(tracefs.paths);
    events.add("p:", "entries", "0xffffffff81000005");
  }
  assert.equal(tracefs.rcu, "1");
});

Deno.test("KprobeEvents writes nothing when it has made nothing", () => {
  using tracefs = new Tracefs();
  const before = openDescriptors(tracefs.path);
  {
    using _events = new KprobeEvents(tracefs.paths);
  }
  assert.deepEqual(tracefs.commands, []);
  assert.equal(openDescriptors(tracefs.path), before);
});

Deno.test("KprobeEvents removes what dead processes and this one's number have left", () => {
  using tracefs = new Tracefs();
  tracefs.event(`vrft_${DEAD}`, "entries");
  tracefs.event(`vrft_${DEAD}`, "exits");
  tracefs.event(GROUP, "returns");
  using _events = new KprobeEvents(tracefs.paths);
  assert.deepEqual(
    tracefs.commands.sort(),
    [
      `-:${GROUP}/returns`,
      `-:vrft_${DEAD}/entries`,
      `-:vrft_${DEAD}/exits`,
    ].sort(),
  );
});

Deno.test("KprobeEvents leaves the events of living processes and of others alone", () => {
  using tracefs = new Tracefs();
  tracefs.event("vrft_1", "entries");
  tracefs.event("vrft_", "entries");
  tracefs.event("vrft_12a", "entries");
  tracefs.event("kprobes", "mine");
  using _events = new KprobeEvents(tracefs.paths);
  assert.deepEqual(tracefs.commands, []);
});

Deno.test("KprobeEvents lets RCU relax where a killed process has left it hurrying", () => {
  using tracefs = new Tracefs();
  tracefs.rcu = "1";
  tracefs.event(`vrft_${DEAD}`, "rcu_expedited");
  using _events = new KprobeEvents(tracefs.paths);
  assert.equal(tracefs.rcu, "0");
  assert.deepEqual(tracefs.commands, [`-:vrft_${DEAD}/rcu_expedited`]);
});

Deno.test("KprobeEvents fails where there is no tracefs, with what to do about it", () => {
  using tracefs = new Tracefs();
  const paths = { ...tracefs.paths, tracefs: ["/proc/self/none", "/proc/self/nowhere"] };
  assert.throws(() => new KprobeEvents(paths), (error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, "tracefs");
    assert.match(error.message, /^Cannot find kprobe_events under \/proc\/self\/none or /);
    assert.match(error.message, /mount -t tracefs/);
    return true;
  });
});

Deno.test("KprobeEvents fails where events may not be made, and leaves nothing open", () => {
  using tracefs = new Tracefs();
  const [, tracing] = tracefs.paths.tracefs as [string, string];
  Deno.removeSync(`${tracing}/kprobe_events`);
  Deno.mkdirSync(`${tracing}/kprobe_events`);
  const before = openDescriptors(tracefs.path);
  assert.throws(() => new KprobeEvents(tracefs.paths), (error) => {
    assert.ok(error instanceof Failure && error.cause instanceof Error);
    assert.equal(error.kind, "tracefs");
    assert.match(error.message, /^Cannot write \/.*\/kprobe_events: /);
    return true;
  });
  assert.equal(openDescriptors(tracefs.path), before);
});

Deno.test("KprobeEvents removes its events once, and makes no new ones after that", () => {
  using tracefs = new Tracefs();
  const events = new KprobeEvents(tracefs.paths);
  events.add("p:", "entries", "0xffffffff81000005");
  events[Symbol.dispose]();
  const { commands } = tracefs;
  events[Symbol.dispose]();
  assertDisposed(
    () => events.add("p:", "entries", "0xffffffff81000005"),
    () => events.id("entries"),
    () => events.missed(),
  );
  assert.deepEqual(tracefs.commands, commands);
});
