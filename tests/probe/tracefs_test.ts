import assert from "node:assert/strict";
import { AttachCancelled } from "../../src/probe/backend.ts";
import { KprobeEvents } from "../../src/probe/tracefs.ts";
import { Failure } from "../../src/sys/failure.ts";
import { LockableFile } from "../../src/sys/lockable_file.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

/** The group of the first vrft. */
const GROUP = "vrft_0";
const PLACES = ["0xffffffff81000000", "0xffffffff81000100"];
const MARK = `vrft_rcu/expedited ${PLACES[0]}`;

/** A directory in place of tracefs; writes to its files have no effect. */
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

  /** The events of a vrft of its own. */
  open(cancelled = (): boolean => false): Promise<KprobeEvents> {
    return KprobeEvents.open(PLACES, { cancelled, info: assert.fail }, this.paths);
  }

  /** kprobe_events, opened by somebody else. */
  lockable(): LockableFile {
    return new LockableFile(`${this.path}/tracing/kprobe_events`);
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

  /** Removes lines from kprobe_events as another program may. */
  remove(unwanted: (line: string) => boolean): void {
    const lines = Deno.readTextFileSync(`${this.path}/tracing/kprobe_events`).split("\n");
    this.write("kprobe_events", lines.filter((line) => !unwanted(line)).join("\n"));
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

Deno.test("KprobeEvents appends its probes, in a group of its own", async () => {
  using tracefs = new Tracefs();
  using events = await tracefs.open();
  events.add("p:", "entries", "0xffffffff81000005 probe=\\0:u32");
  events.add("r32:", "returns", "0xffffffff81000000 probe=\\1:u32");
  events.add("p:", "entries", "0xffffffff81000105 probe=\\2:u32");
  assert.deepEqual(tracefs.commands, [
    `p:${GROUP}/entries_0_0 0xffffffff81000005 probe=\\0:u32`,
    `r32:${GROUP}/returns_0_0 0xffffffff81000000 probe=\\1:u32`,
    `p:${GROUP}/entries_0_0 0xffffffff81000105 probe=\\2:u32`,
  ]);
  assert.deepEqual([events.events("entries"), events.events("exits")], [["entries_0_0"], []]);
});

Deno.test("KprobeEvents makes a new event where one is long enough to keep a signal waiting", async () => {
  using tracefs = new Tracefs();
  using events = await tracefs.open();
  for (let probe = 0; probe < 300; probe++) events.add("p:", "entries", `0x${probe}`);
  const names = ["entries_0_0", "entries_0_1", "entries_0_2"];
  assert.deepEqual(events.events("entries"), names);
  const probes = (name: string): number =>
    tracefs.commands.filter((line) => line.includes(`/${name} `)).length;
  assert.deepEqual(names.map(probes), [128, 128, 44]);
});

Deno.test("Two vrft have events of different groups and names, whatever their pids", async () => {
  using tracefs = new Tracefs();
  using one = await tracefs.open();
  using other = await tracefs.open();
  one.add("p:", "entries", "0x1");
  other.add("p:", "entries", "0x1");
  assert.deepEqual(tracefs.commands, ["p:vrft_0/entries_0_0 0x1", "p:vrft_1/entries_1_0 0x1"]);
});

Deno.test("KprobeEvents leaves what another vrft has made alone, as long as that lives", async () => {
  using tracefs = new Tracefs();
  {
    using one = await tracefs.open();
    one.add("p:", "entries", "0x1");
    tracefs.event("vrft_0", "entries_0_0");
    using _other = await tracefs.open();
    assert.deepEqual(tracefs.commands, ["p:vrft_0/entries_0_0 0x1"]);
  }
  using _next = await tracefs.open();
  const removed = tracefs.commands.filter((line) => line === "-:vrft_0/entries_0_0");
  // By its owner, and by who finds it still there: the fake tracefs removes nothing.
  assert.equal(removed.length, 2);
});

Deno.test("KprobeEvents takes no number that somebody has left events of", async () => {
  using tracefs = new Tracefs();
  // The fake tracefs removes nothing.
  tracefs.event("vrft_0", "entries_0_0");
  using events = await tracefs.open();
  events.add("p:", "entries", "0x1");
  assert.equal(tracefs.commands.at(-1), "p:vrft_1/entries_1_0 0x1");
});

Deno.test("KprobeEvents sums the misses of its own events", async () => {
  using tracefs = new Tracefs();
  using events = await tracefs.open();
  events.add("p:", "entries", "0xffffffff81000005");
  events.add("p:", "exits", "0xffffffff81000010");
  tracefs.write(
    "kprobe_profile",
    "  event                                    100              50\n" +
      "  entries_0_0                             2000               3\n" +
      "  entries_0_0                                0               4\n" +
      "  entries_1_0                                0             100\n" +
      "  exits_0_0                               1999              10\n",
  );
  assert.equal(events.missed(), 17);
});

Deno.test("KprobeEvents notices the probes that another program has removed", async () => {
  using tracefs = new Tracefs();
  using events = await tracefs.open();
  using other = await tracefs.open();
  for (let probe = 0; probe < 300; probe++) events.add("p:", "entries", `0x${probe}`);
  other.add("p:", "entries", "0x1");
  assert.equal(events.removed(), 0);
  events.requireAll();
  tracefs.remove((line) => /entries_0_[01] /.test(line));
  assert.deepEqual([events.removed(), other.removed()], [256, 0]);
  assert.throws(() => events.requireAll(), (error) => {
    assert.ok(error instanceof Failure);
    assert.match(error.message, /^Cannot attach: another program has removed 256 of 300 probes/);
    return true;
  });
  // Its folder is not there either.
  assert.throws(() => events.arm("entries_0_0", -1), Failure);
});

Deno.test("KprobeEvents removes its events on dispose, with a mark for as long as RCU may hurry", async () => {
  using tracefs = new Tracefs();
  {
    using events = await tracefs.open();
    events.add("p:", "entries", "0xffffffff81000005");
    events.add("p:", "entries", "0xffffffff81000105");
    events.add("p:", "exits", "0xffffffff81000010");
    tracefs.event("vrft_rcu", "expedited");
  }
  assert.deepEqual(tracefs.commands.slice(3), [
    // Says that the switch may have been left on, if this is where the process is killed.
    `p:${MARK}`,
    `-:${GROUP}/entries_0_0`,
    `-:${GROUP}/exits_0_0`,
    "-:vrft_rcu/expedited",
  ]);
  assert.equal(tracefs.rcu, "0");
});

Deno.test("KprobeEvents leaves RCU as it found it", async () => {
  using tracefs = new Tracefs();
  tracefs.rcu = "1";
  {
    using events = await tracefs.open();
    events.add("p:", "entries", "0xffffffff81000005");
  }
  assert.equal(tracefs.rcu, "1");
});

Deno.test("KprobeEvents writes nothing when it has made nothing", async () => {
  using tracefs = new Tracefs();
  const before = openDescriptors(tracefs.path);
  {
    using _events = await tracefs.open();
  }
  assert.deepEqual(tracefs.commands, []);
  assert.equal(openDescriptors(tracefs.path), before);
});

Deno.test("KprobeEvents removes what dead vrft have left, whoever has their pids", async () => {
  using tracefs = new Tracefs();
  tracefs.event("vrft_1", "entries_1_0");
  tracefs.event(`vrft_${Deno.pid}`, "exits");
  tracefs.write("events/vrft_1/enable", "0\n");
  using _events = await tracefs.open();
  const commands = tracefs.commands;
  assert.deepEqual(
    commands.filter((line) => !line.includes("vrft_rcu")).sort(),
    ["-:vrft_1/entries_1_0", `-:vrft_${Deno.pid}/exits`],
  );
  // RCU is expedited meanwhile, as when a vrft removes its own.
  assert.equal(commands[0], `p:${MARK}`);
});

Deno.test("KprobeEvents leaves the events of others alone", async () => {
  using tracefs = new Tracefs();
  for (const group of ["vrft_", "vrft_12a", "vrft_01", "vrft_99999999999999999999", "kprobes"]) {
    tracefs.event(group, "mine");
  }
  using _events = await tracefs.open();
  assert.deepEqual(tracefs.commands, []);
});

Deno.test("Cleaning up ends when the user wants out, and leaves the rest to the next vrft", async () => {
  using tracefs = new Tracefs();
  const before = openDescriptors(tracefs.path);
  for (const event of ["entries_7_0", "entries_7_1", "exits_7_0"]) tracefs.event("vrft_7", event);
  const removed = (): string[] => tracefs.commands.filter((line) => line.startsWith("-:vrft_7/"));
  const opened = tracefs.open(() => removed().length === 2);
  await assert.rejects(opened, AttachCancelled);
  assert.equal(removed().length, 2);
  assert.equal(openDescriptors(tracefs.path), before);
  using file = tracefs.lockable();
  assert.equal(file.tryLock(7), true);
});

Deno.test("KprobeEvents lets RCU relax where a killed vrft has left it hurrying", async () => {
  using tracefs = new Tracefs();
  tracefs.rcu = "1";
  tracefs.event("vrft_rcu", "expedited");
  using _events = await tracefs.open();
  assert.equal(tracefs.rcu, "0");
  assert.deepEqual(tracefs.commands, ["-:vrft_rcu/expedited"]);
});

Deno.test("KprobeEvents fails where there is no tracefs, with what to do about it", async () => {
  using tracefs = new Tracefs();
  const paths = { ...tracefs.paths, tracefs: ["/proc/self/none", "/proc/self/nowhere"] };
  const user = { cancelled: () => false, info: assert.fail };
  await assert.rejects(KprobeEvents.open(PLACES, user, paths), (error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, "tracefs");
    assert.match(error.message, /^Cannot find kprobe_events under \/proc\/self\/none or /);
    assert.match(error.message, /mount -t tracefs/);
    return true;
  });
});

Deno.test("KprobeEvents fails where events may not be made, and leaves nothing open", async () => {
  using tracefs = new Tracefs();
  const [, tracing] = tracefs.paths.tracefs as [string, string];
  Deno.removeSync(`${tracing}/kprobe_events`);
  Deno.mkdirSync(`${tracing}/kprobe_events`);
  const before = openDescriptors(tracefs.path);
  await assert.rejects(tracefs.open(), (error) => {
    assert.ok(error instanceof Failure && error.cause instanceof Error);
    assert.equal(error.kind, "tracefs");
    assert.equal(error.errno, 21);
    assert.match(error.message, /^Cannot write \/\S*\/kprobe_events: Is a directory$/);
    return true;
  });
  assert.equal(openDescriptors(tracefs.path), before);
});

Deno.test("KprobeEvents removes its events once, and makes no new ones after that", async () => {
  using tracefs = new Tracefs();
  const events = await tracefs.open();
  events.add("p:", "entries", "0xffffffff81000005");
  events[Symbol.dispose]();
  const { commands } = tracefs;
  events[Symbol.dispose]();
  assertDisposed(
    () => events.add("p:", "entries", "0xffffffff81000005"),
    () => events.arm("entries_0_0", -1),
    () => events.missed(),
    () => events.removed(),
  );
  assert.deepEqual(tracefs.commands, commands);
});
