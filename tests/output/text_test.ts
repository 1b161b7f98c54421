import assert from "node:assert/strict";
import { LineWriter } from "../../src/output/line_writer.ts";
import { HEADER, TextView } from "../../src/output/text.ts";
import { SOURCE, SOURCE_KERNEL, SOURCE_VROUTER } from "../../src/probe/packet_record.ts";
import { NONE, PacketDetails, Step } from "../../src/trace/events.ts";
import { ByteList } from "../support/byte_list.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261122;
const RUNS = propertyRuns(5_000);

async function textOf(
  names: readonly string[],
  write: (view: TextView) => void,
): Promise<string> {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  write(new TextView(writer, names));
  await writer.finish();
  return bytes.text;
}

/** A row formatted like printf("%-20d %03d %-64s\n"), which pads to a number of bytes. */
function row(timestamp: bigint, cpu: number, cell: string): string {
  const padding = " ".repeat(Math.max(0, 64 - new TextEncoder().encode(cell).length));
  return `${String(timestamp).padEnd(20)} ${String(cpu).padStart(3, "0")} ${cell}${padding}\n`;
}

function step(time: bigint, cpu: number, depth: number, fn: number): Step {
  const low = Number(time & 0xffff_ffffn) | 0;
  const high = Number(time >> 32n) | 0;
  return Object.assign(new Step(), { low, high, cpu, depth, fn });
}

Deno.test("TextView writes the rows that vrftrace2 writes", async () => {
  const time = 176370718201029n;
  const text = await textOf(["__netif_receive_skb", "vm_rx"], (view) => {
    assert.equal(view.begin(), 1);
    view.enter(step(time, 4, 0, 0));
    view.enter(step(time, 4, 1, 1));
    view.leave(step(time, 5, 1, 1));
    view.leave(step(time, 5, 0, 0));
  });
  assert.deepEqual(text.split("\n").map((line) => line.trimEnd()), [
    "Timestamp            CPU                         Function",
    "176370718201029      004 __netif_receive_skb() {",
    "176370718201029      004   vm_rx() {",
    "176370718201029      005   }",
    "176370718201029      005 }",
    "",
  ]);
});

Deno.test("TextView has a row for a drop of the kernel, and none of its own for one of vrouter", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const view = new TextView(
    writer,
    ["kfree_skb_reason"],
    undefined,
    (number) => `${number}\x1b`,
  );
  const details = new PacketDetails();
  details.reason = 3;
  view.enter(step(5n, 1, 1, 0));
  for (const source of [SOURCE_VROUTER, SOURCE_KERNEL]) {
    details.record[SOURCE] = source;
    view.dropped(step(6n, 1, 2, NONE), details);
  }
  await writer.finish();
  const rows = row(5n, 1, "  kfree_skb_reason() {") +
    row(6n, 1, "    /* dropped by the kernel: 3\\x1b */");
  assert.equal(bytes.text, rows);
});

Deno.test("TextView says behind the brace why a call drops its packet", async () => {
  const reasons = (number: number): string => number === 1 ? "Discards" : `${number}\n`;
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const view = new TextView(writer, ["nh_discard", "lh_pfree"], reasons);
  const at = (depth: number, reason: number): Step =>
    Object.assign(step(2n ** 33n + 5n, 4, depth, 1), { reason });
  view.enter(step(3n, 1000, 0, 0));
  view.enter(at(1, 1));
  view.leave(at(1, NONE));
  view.enter(at(40, 300));
  await writer.finish();
  const expected = row(3n, 1000, "nh_discard() {") +
    row(2n ** 33n + 5n, 4, "  lh_pfree() {  /* Discards */") + row(2n ** 33n + 5n, 4, "  }") +
    row(2n ** 33n + 5n, 4, `${"  ".repeat(40)}lh_pfree() {  /* 300\\x0a */`);
  assert.equal(bytes.text, expected);
  assert.equal(writer.written, 4);
});

Deno.test("TextView writes the bytes that printf writes", async () => {
  const long = "a_function_whose_name_alone_is_longer_than_the_sixty_four_columns_it_gets";
  const rows: [bigint, number, number, string][] = [
    [0n, 0, 0, "f"],
    [9_223_372_036_854_775_807n, 7, 31, "f"],
    [999_999_999n, 999, 3, long],
    [1_000_000_000n, 1000, 0, long],
    [176370718218924n, 8191, 300, "vr_flow_forward"],
    [1n, 65535, 1, "x".repeat(60)],
    [1n, 12, 0, "x".repeat(60)],
    [1n, 12, 0, "x".repeat(61)],
  ];
  const script = `printf '%-20s %3.3s %32.32s\\n' Timestamp CPU Function
    while [ $# -gt 0 ]; do printf '%-20d %03d %-64s\\n' "$1" "$2" "$3"; shift 3; done`;
  const words = rows.flatMap(([timestamp, cpu, depth, name]) => [
    `${timestamp}`,
    `${cpu}`,
    `${"  ".repeat(depth)}${name}() {`,
  ]);
  const { stdout } = await new Deno.Command("bash", { args: ["-c", script, "bash", ...words] })
    .output();
  const names = rows.map(([, , , name]) => name);
  const text = await textOf(names, (view) => {
    view.begin();
    rows.forEach(([timestamp, cpu, depth], fn) => view.enter(step(timestamp, cpu, depth, fn)));
  });
  assert.equal(text, new TextDecoder().decode(stdout));
});

Deno.test("TextView marks calls that it closes without a return, and orphans, with balanced braces", async () => {
  const text = await textOf(["f", "g"], (view) => {
    view.abandon(step(1n, 0, 2, 1), "return lost");
    view.abandon(step(2n, 0, 1, 0), "trace ended");
    view.orphan(step(3n, 0, 1, 1));
  });
  assert.equal(
    text,
    row(1n, 0, "    }  /* return lost */") + row(2n, 0, "  }  /* trace ended */") +
      row(3n, 0, "  /* g() returned, its call was lost */"),
  );
});

Deno.test("TextView writes names so that a terminal does not act on them", async () => {
  const text = await textOf(["a\x1b[2Jb", "c\nd\x7f"], (view) => {
    view.enter(step(1n, 0, 0, 0));
    view.orphan(step(1n, 0, 0, 1));
  });
  assert.equal(
    text,
    row(1n, 0, "a\\x1b[2Jb() {") + row(1n, 0, "/* c\\x0ad\\x7f() returned, its call was lost */"),
  );
});

Deno.test("HEADER is vrftrace2's", () => {
  assert.equal(HEADER, "Timestamp            CPU                         Function\n");
});

Deno.test("TextView writes any row exactly, wherever in the buffer it comes to lie", async () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  const names = Array.from({ length: 60 }, (_, length) => {
    return Array.from(
      { length: length + 1 },
      () => random.pick([..."abz_0.\u00e9\u4e2d\u{10ffff}"]),
    )
      .join("");
  });
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 1000);
  const view = new TextView(writer, names);
  let expected = "";
  let time = 1n << 40n;
  for (let run = 0; run < RUNS; run++) {
    time = BigInt.asUintN(64, time + BigInt(random.int(2 ** random.int(40))) - 1000n);
    const cpu = random.int(random.pick([8, 1200, 65536]));
    const depth = random.int(random.pick([2, 12, 257]));
    const fn = random.int(names.length);
    const indent = "  ".repeat(depth);
    const one = step(time, cpu, depth, fn);
    const add = (cell: string): void => {
      expected += row(time, cpu, cell);
    };
    switch (random.int(4)) {
      case 0:
        view.enter(one);
        add(`${indent}${names[fn]}() {`);
        break;
      case 1:
        view.leave(one);
        add(`${indent}}`);
        break;
      case 2:
        view.abandon(one, "return lost");
        add(`${indent}}  /* return lost */`);
        break;
      default:
        view.orphan(one);
        add(`${indent}/* ${names[fn]}() returned, its call was lost */`);
    }
  }
  await writer.finish();
  assert.equal(bytes.text, expected);
});
