import assert from "node:assert/strict";
import { Terminal } from "../../support/terminal.ts";
import {
  flood,
  leftovers,
  must,
  parse,
  ping,
  settle,
  summary,
  Trace,
  vrftArguments,
} from "./support.ts";

const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*"];

/** The line that ends a failure, and the summary before it. */
function lastTwo(stderr: string): [summary: string, failure: string] {
  const lines = stderr.trimEnd().split("\n");
  return [lines.at(-2)!, lines.at(-1)!];
}

Deno.test("A full disk ends the trace, which says how much of it is in the file", async () => {
  await settle();
  const disk = await Deno.makeTempDir();
  await must("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk);
  try {
    const file = `${disk}/trace`;
    await using trace = await Trace.live("-f", "vm_rx", "-o", file);
    // Only what fits is on the disk, and every other event is counted.
    trace.signal("SIGSTOP");
    await flood(1000);
    trace.signal("SIGCONT");
    const { code, stdout, stderr } = await trace.ended();
    assert.equal(code, 1, stderr);
    assert.equal(stdout, "");
    const [line, failure] = lastTwo(stderr);
    assert.equal(failure, `vrft: Cannot write to "${file}": No space left on device`);
    const counts = summary(line);
    const whole = (await Deno.readTextFile(file)).split("\n").length - 2; // the header, the last part
    assert.ok(whole > 500, line);
    assert.equal(counts.get("rows written"), whole, line);
    assert.equal(counts.get("events lost"), 0, line);
    // 2,000 packets, each with its call and its return.
    assert.equal(whole + counts.get("events not printed")!, 4000, line);
    assert.deepEqual(await leftovers(), []);
  } finally {
    await must("umount", disk);
  }
});

Deno.test("The progress bar follows the width of the terminal, and Ctrl-C there ends the attaching", async () => {
  using terminal = new Terminal(100);
  // The backend that takes longest.
  await using child = terminal.start(
    "vrft",
    ...vrftArguments(["--backend", "kprobe", "-o", "/dev/null"]),
  );
  const bars = (): string[] => terminal.text.split("\r").filter((part) => /^ +\d+%/.test(part));
  await terminal.until(() => bars().length >= 2);
  assert.ok(bars()[0]!.includes(`|${" ".repeat(20)}`), bars()[0]);

  for (const columns of [40, 12, 120]) {
    const before = bars().length;
    terminal.resize(columns);
    // One of them may have been drawn while the width changed.
    await terminal.until(() => bars().length >= before + 4);
    for (const bar of bars().slice(before + 1)) {
      assert.ok(bar.length < columns, `${bar.length} of ${columns} columns: "${bar}"`);
    }
    if (columns === 120) assert.ok(bars().at(-1)!.includes("|"), bars().at(-1));
  }
  terminal.type("\x03");
  const { code } = await child.status;
  await terminal.until(() => terminal.text.includes("everything is detached"));
  assert.equal(code, 0, terminal.text);
  // Only vrft, and the terminal's echo, have written to it.
  const foreign = /^(?!\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d | +\d+% |\^C).*\S.*/gm;
  assert.equal(terminal.text.replaceAll("\r", "\n").match(foreign), null);
  assert.deepEqual(await leftovers(), []);
});

// With kprobe events, see kprobe_events_test.ts.
Deno.test("A second vrft traces beside the first, and both leave nothing", async () => {
  await settle();
  await using first = await Trace.live(...FEW, "-i", "tap1");
  await using second = await Trace.live(...FEW, "-i", "tap1");
  await ping(3);
  // The end of the first does not affect the second.
  const one = await first.stop();
  await ping(2);
  const two = await second.stop();
  const names = (stdout: string): string[] => parse(stdout).calls.map(({ name }) => name);
  const seen = names(one.stdout);
  assert.ok(seen.length >= 20, one.stdout);
  assert.deepEqual(names(two.stdout).slice(0, seen.length), seen);
  assert.ok(names(two.stdout).length >= seen.length * 5 / 3 - 1);
  for (const { code, stderr } of [one, two]) {
    assert.equal(code, 0, stderr);
    assert.equal(summary(stderr).get("events lost"), 0);
  }
  assert.deepEqual(await leftovers(), []);
});
