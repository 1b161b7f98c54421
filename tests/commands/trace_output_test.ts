import assert from "node:assert/strict";
import { OpenCancelled, openOutput, Printer } from "../../src/commands/trace_output.ts";
import { FORMATS } from "../../src/cli/invocation.ts";
import { Log } from "../../src/output/log.ts";
import { UNKNOWN_ORIGIN } from "../../src/output/view.ts";
import { EXPORTS, VIEWS } from "../../src/output/views.ts";
import type { Target } from "../../src/probe/target.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { feed } from "../support/call_records.ts";
import { writtenBy } from "../support/exports.ts";
import { MessageList } from "../support/message_list.ts";

const NEVER = new AbortController().signal;

/** Runs `action` with the path of a file that does not exist. */
async function withPath(action: (path: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    await action(`${directory}/trace`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function makeFifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
}

Deno.test("A file keeps what it has until the trace begins, and nothing of it then", async () => {
  await withPath(async (path) => {
    Deno.writeTextFileSync(path, "an earlier trace\n");
    const log = new Log({ messages: new MessageList() });
    {
      using _ = await openOutput(path, log, NEVER);
    }
    assert.equal(Deno.readTextFileSync(path), "an earlier trace\n");
    using output = await openOutput(path, log, NEVER);
    assert.equal(output.canTravel, false);
    output.begin();
    await output.sink.write(new TextEncoder().encode("new\n"));
    assert.equal(Deno.readTextFileSync(path), "new\n");
  });
});

Deno.test("A file is opened without setting up timers, which takes Deno long", async () => {
  await withPath(async (path) => {
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (() => assert.fail("A timer")) as unknown as typeof setTimeout;
    try {
      using output = await openOutput(path, new Log({ messages: new MessageList() }), NEVER);
      assert.equal(output.name, JSON.stringify(path));
    } finally {
      globalThis.setTimeout = setTimeout;
    }
  });
});

Deno.test("A FIFO without a reader is waited for, with a word, until the user wants out", async () => {
  await withPath(async (path) => {
    await makeFifo(path);
    const messages = new MessageList();
    const stop = new AbortController();
    const opening = openOutput(path, new Log({ messages }), stop.signal);
    const told = setInterval(() => {
      if (messages.text !== "") stop.abort();
    }, 10);
    await assert.rejects(opening, OpenCancelled);
    clearInterval(told);
    assert.match(messages.text, / Waiting until somebody reads ".*\/trace": Ctrl-C ends that\n$/);
    // Unblocks the thread that still waits.
    Deno.openSync(path, { read: true }).close();
  });
});

Deno.test("A FIFO is written to once it has a reader", async () => {
  await withPath(async (path) => {
    await makeFifo(path);
    const opening = openOutput(path, new Log({ messages: new MessageList() }), NEVER);
    const reader = await Deno.open(path, { read: true });
    const output = await opening;
    output.begin();
    const writing = output.sink.write(new TextEncoder().encode("row\n"));
    assert.equal(output.canTravel, true);
    await writing;
    output[Symbol.dispose]();
    assert.equal(await new Response(reader.readable).text(), "row\n");
  });
});

Deno.test("a file for the trace is closed once", async () => {
  await withPath(async (path) => {
    const output = await openOutput(path, new Log({ messages: new MessageList() }), NEVER);
    await output.sink.write(new TextEncoder().encode("rows\n"));
    output[Symbol.dispose]();
    output[Symbol.dispose]();
    assert.equal(openDescriptors(path), 0);
    assert.equal(Deno.readTextFileSync(path), "rows\n");
    await assert.rejects(output.sink.write(new Uint8Array(1)));
  });
});

for (const name of FORMATS.filter((each) => ["text", "events"].includes(each))) {
  Deno.test(`a trace is printed as ${name}, and its rows are counted without a header`, async () => {
    await withPath(async (path) => {
      const log = new Log({ messages: new MessageList() });
      using output = await openOutput(path, log, NEVER);
      const targets = [{ name: "vm_rx" }] as unknown as Target[];
      const printer = new Printer(output, VIEWS[name], targets, log, { limit: null });
      printer.begin();
      feed(printer, { kind: "entry", task: 1, cpu: 0, frame: 0xa0004000, fn: 0 });
      feed(printer, { kind: "return", task: 1, cpu: 0, frame: 0xa0004000, fn: 0 });
      await printer.close(NEVER);
      assert.equal(printer.rows, 2);
      const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
      const { length } = lines.filter((line) => /vm_rx|\}/.test(line));
      assert.equal(length, 2);
      assert.ok(lines.length <= 3);
    });
  });
}

for (const [name, format] of Object.entries(EXPORTS)) {
  Deno.test(`a trace is written as ${name}, with what stands behind the last event once`, async () => {
    await withPath(async (path) => {
      const log = new Log({ messages: new MessageList() });
      using output = await openOutput(path, log, NEVER);
      const targets = [{ name: "vm_rx" }] as unknown as Target[];
      const more = { origin: UNKNOWN_ORIGIN };
      const printer = new Printer(output, format, targets, log, { limit: null, more });
      printer.begin();
      const call = { task: 1, cpu: 0, frame: 0xa0004000, fn: 0 };
      feed(printer, { ...call, kind: "entry", time: 10n });
      feed(printer, { ...call, kind: "return", time: 20n });
      await printer.close(NEVER);
      await printer.close(NEVER);
      const functions = ["vm_rx"];
      const bytes = await writtenBy(format, { functions, origin: UNKNOWN_ORIGIN }, (tree) => {
        feed(tree, { ...call, kind: "entry", time: 10n });
        feed(tree, { ...call, kind: "return", time: 20n });
      });
      // Spans are of packets.
      assert.equal(bytes.length === 0, name === "otlp");
      assert.deepEqual(Deno.readFileSync(path), bytes);
    });
  });
}

Deno.test("the end of a trace is given up when its output is", async () => {
  const cut = new AbortController();
  let written = 0;
  const sink = {
    write(bytes: Uint8Array): Promise<number> {
      written += bytes.length;
      cut.abort();
      return new Promise(() => {});
    },
  };
  const output = {
    sink,
    name: "a pipe",
    canTravel: true,
    connections: () => [],
    begin: () => {},
    [Symbol.dispose]: () => {},
  };
  const targets = [{ name: "vm_rx" }] as unknown as Target[];
  const log = new Log({ messages: new MessageList() });
  const printer = new Printer(output, EXPORTS.speedscope, targets, log, { limit: null });
  for (let time = 0n; time < 200_000n; time += 2n) {
    const call = { task: 1, cpu: 0, frame: 0xa0004000, fn: 0 };
    feed(printer, { ...call, kind: "entry", time });
    feed(printer, { ...call, kind: "return", time: time + 1n });
  }
  await printer.close(cut.signal);
  assert.ok(written > 0 && written < 4 << 20, `${written}`);
});
