import assert from "node:assert/strict";
import { FPROBE, must, ping, settle, Trace, WORKING } from "./support.ts";

// What --show tells of calls, judged by the kernel's own kprobe events on the same calls.

const TRACING = "/sys/kernel/tracing";
const SHOW = "duration,return,packet,vif,nh";

/** Members of `enum rx_handler_result`, in their order. */
const RX_HANDLER = ["CONSUMED", "ANOTHER", "EXACT", "PASS"].map((name) => `RX_HANDLER_${name}`);

const int = (value: bigint): string => `${BigInt.asIntN(32, value)}`;
const bool = (value: bigint): string => `${(value & 0xffn) !== 0n}`;
const pointer = (value: bigint): string => value === 0n ? "NULL" : `0x${value.toString(16)}`;

/** Words of the functions' results, by the types in the module's sources. */
const RESULTS: Readonly<Record<string, (value: bigint) => string>> = {
  linux_rx_handler: (value) => RX_HANDLER[Number(value & 0xffffffffn)]!,
  vr_flow_forward: bool,
  nh_mcast_clone: pointer,
  nh_output: int,
  eth_tx: int,
};

/** Where the vif's index and the nexthop's id are: offsets of the module, which the stand-in has. */
const PLACES: Readonly<Record<string, { readonly item: "vif" | "nh"; readonly at: string }>> = {
  // Its second argument; nh_id.
  nh_output: { item: "nh", at: "+12(%si):u32" },
  // Its first argument; vif_idx.
  eth_tx: { item: "vif", at: "+16(%di):u16" },
  // vp_if of its second argument.
  vr_flow_forward: { item: "vif", at: "+16(+8(%si)):u16" },
};

/** A line of `--format events`. */
interface Event {
  readonly event: string;
  readonly time: string;
  readonly task: number;
  readonly depth: number;
  readonly function: string;
  readonly packet: number | null;
  readonly vif?: number | null;
  readonly nh?: number | null;
  readonly total?: number | null;
  readonly self?: number | null;
  readonly return?: string | null;
}

/** Runs `action`, and returns what kprobe events saw: results and places of the functions, in order. */
async function judged(action: () => Promise<void>): Promise<{
  readonly results: Map<string, string[]>;
  readonly places: Map<string, number[]>;
}> {
  const events = [
    ...Object.keys(RESULTS).map((fn) => `r:judge/ret_${fn} ${fn} value=$retval:x64`),
    ...Object.entries(PLACES).map(([fn, { at }]) => `p:judge/at_${fn} ${fn} value=${at}`),
  ];
  const file = `${TRACING}/kprobe_events`;
  const write = (path: string, text: string): Promise<void> =>
    Deno.writeTextFile(`${TRACING}/${path}`, text);
  try {
    for (const event of events) await Deno.writeTextFile(file, `${event}\n`, { append: true });
    await write("trace", "");
    await write("events/judge/enable", "1");
    await action();
    await write("events/judge/enable", "0");
    const results = new Map<string, string[]>();
    const places = new Map<string, number[]>();
    for (
      const [, kind, fn, text] of (await Deno.readTextFile(`${TRACING}/trace`))
        .matchAll(/: (ret|at)_(\w+): \([^)]*\) value=(\w+)/g)
    ) {
      const add = <T>(map: Map<string, T[]>, value: T): void =>
        void map.set(fn!, [...map.get(fn!) ?? [], value]);
      if (kind === "ret") add(results, RESULTS[fn!]!(BigInt(text!)));
      else add(places, Number(text));
    }
    return { results, places };
  } finally {
    await write("events/judge/enable", "0").catch(() => {});
    for (const event of events) {
      const name = event.slice(2, event.indexOf(" "));
      await Deno.writeTextFile(file, `-:${name}\n`, { append: true }).catch(() => {});
    }
  }
}

/** That `seen` has the judge's list in one piece; `null` stands for anything. */
function assertHas(seen: readonly unknown[], list: readonly unknown[], what: string): void {
  assert.ok(list.length > 0, `${what}: none`);
  const starts = Array.from({ length: seen.length - list.length + 1 }, (_, start) => start);
  const found = starts.some((start) =>
    list.every((value, index) => seen[start + index] === null || seen[start + index] === value)
  );
  assert.ok(found, `${what}: ${JSON.stringify(seen)} instead of ${JSON.stringify(list)}`);
}

/** That totals are those of the rows, and own times are without the calls inside. */
function assertDurations(events: readonly Event[]): void {
  let checked = 0;
  const open = new Map<number, { start: bigint; inside: number }[]>();
  for (const { event, task, depth, time, total, self } of events) {
    const calls = open.get(task) ?? [];
    open.set(task, calls);
    if (event === "enter") {
      calls[depth] = { start: BigInt(time), inside: 0 };
    } else if (event === "leave") {
      const { start, inside } = calls[depth]!;
      assert.equal(total, Number(BigInt(time) - start));
      assert.equal(self, total! - inside);
      if (depth > 0) calls[depth - 1]!.inside += total!;
      checked++;
    }
  }
  assert.ok(checked > 20, `${checked} calls`);
}

// kprobe events are what the other kernels have.
for (const backend of FPROBE ? WORKING.filter((one) => one !== "kprobe") : WORKING) {
  Deno.test(`--show tells durations, results, vifs and nexthops as they are: ${backend}`, async () => {
    await settle();
    const names = [...new Set([...Object.keys(RESULTS), ...Object.keys(PLACES)])];
    const args = ["--backend", backend, "--format", "events", "--show", SHOW];
    await using trace = await Trace.live(...args, ...names.flatMap((fn) => ["-f", fn]));
    const { results, places } = await judged(async () => {
      // An unknown neighbour is asked for by a broadcast, which is cloned.
      await must("ip", "-n", "vm1", "neigh", "flush", "all", "nud", "permanent");
      await ping(2);
    });
    const { code, stdout, stderr } = await trace.stop();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /; 0 events lost; 0 probe hits missed/);
    const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Event);
    let known = 0;
    for (const [fn, list] of results) {
      const seen = events.filter((one) => one.event === "leave" && one.function === fn)
        .map((one) => one.return);
      known += seen.filter((value) => value !== null).length;
      if (backend !== "kprobe") assert.ok(!seen.includes(null), `${fn}: ${seen}`);
      assertHas(seen, list, fn);
    }
    assert.ok(known > 5, `${known} results are known`);
    for (const [fn, { item }] of Object.entries(PLACES)) {
      const seen = events.filter((one) => one.event === "enter" && one.function === fn)
        .map((one) => one[item]);
      assertHas(seen, places.get(fn) ?? [], `${item} of ${fn}`);
    }
    assertDurations(events);
  });
}
