import assert from "node:assert/strict";
import { type Output, Printer } from "../../src/commands/trace_output.ts";
import { OutputClosed } from "../../src/output/line_writer.ts";
import { Log } from "../../src/output/log.ts";
import { TEXT } from "../../src/output/text.ts";
import type { Attachment, Backend } from "../../src/probe/backend.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { KIND_ENTRY, KIND_RETURN } from "../../src/probe/record.ts";
import type { Target } from "../../src/probe/target.ts";
import { Tracer, type TracerOptions } from "../../src/trace/tracer.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest, RecordProgram } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { ByteList } from "../support/byte_list.ts";
import { SMALL, TEST_PROGRAM } from "../support/loaded_object.ts";
import { MessageList } from "../support/message_list.ts";

// Traces whose output is blocked. There are no probes: the records come from a program run by the test.

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);
const RING_BYTES = 65536;
const RECORDS_AT_ONCE = 1000;
/** Much less than the time for which the output is blocked. */
const SOON_MS = 1000;

/** That choosing the backend has taken to attach. */
const EARLY_MS = 12_345;

const QUIET = { info: () => {}, debug: () => {} };

/** A trace whose output goes to a {@linkcode ByteList}. */
class Trial implements Disposable {
  readonly #resources: DisposableStack;
  readonly bytes: ByteList;
  readonly messages = new MessageList();
  readonly stop = new AbortController();
  readonly cut = new AbortController();
  readonly printer: Printer;
  readonly tracer: Tracer;
  readonly #program: RecordProgram;
  attached = true;
  #frames = 0;

  /** @param early whether choosing the backend has attached */
  private constructor(
    libbpf: Libbpf,
    resources: DisposableStack,
    bytes: ByteList,
    early: boolean,
  ) {
    this.bytes = bytes;
    const options = { ...SMALL, ringBytes: RING_BYTES };
    const object = resources.use(BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, options));
    this.#program = RecordProgram.of(object);
    const attachment: Attachment = {
      refused: [],
      missed: () => 0,
      removed: () => 0,
      [Symbol.dispose]: () => {
        this.attached = false;
      },
    };
    const backend = {
      programs: TEST_PROGRAM,
      attach: () => early ? assert.fail("It is attached") : Promise.resolve(attachment),
    };
    const output: Output = {
      sink: bytes,
      name: "a list",
      canTravel: false,
      connections: () => [],
      begin: () => {},
      [Symbol.dispose]: () => {},
    };
    const targets = [{ name: "vm_rx" }] as unknown as Target[];
    const log = new Log({ messages: this.messages });
    this.printer = new Printer(output, TEXT, targets, log, { limit: null });
    const tracerOptions = { ...options, targets, interfaces: [], sample: 1, user: QUIET };
    // Its constructor is private: a trace is made with a backend of this kernel.
    this.tracer = Reflect.construct(Tracer, [
      tracerOptions as unknown as TracerOptions,
      resources,
      {
        backend: backend as unknown as Backend,
        object,
        attachment: early ? attachment : null,
        attachMs: early ? EARLY_MS : 0,
      },
    ]) as Tracer;
    this.#resources = new DisposableStack();
    this.#resources.use(this.tracer);
  }

  static async open(bytes: ByteList, early = false): Promise<Trial> {
    const trial = await Trial.load(bytes, early);
    const quiet = (): void => {};
    await trial.tracer.attach({
      report: quiet,
      cancelled: () => false,
      debug: quiet,
      info: quiet,
    });
    return trial;
  }

  /** Without attaching, unless that is done early. */
  static async load(bytes: ByteList, early: boolean): Promise<Trial> {
    const resources = new DisposableStack();
    return new Trial(resources.use(await Libbpf.open()), resources, bytes, early);
  }

  /** Runs the trace to its end; returns what it throws. */
  run(): Promise<unknown> {
    const live = () => {
      this.printer.begin();
      return { turn: () => {}, [Symbol.dispose]: () => {} };
    };
    return this.tracer.run(this.printer, this.stop.signal, this.cut.signal, live)
      .then(() => null, (error) => error);
  }

  /** Calls of one function, one after the other. */
  produce(): void {
    for (let call = 0; call < RECORDS_AT_ONCE / 2; call++) {
      const frame = 0xffff_c900_0001_0000n;
      this.#program.run(0n, KIND_ENTRY, frame, 0);
      this.#program.run(0n, KIND_RETURN, frame, 0);
      this.#frames += 2;
    }
  }

  /** Produces records until the condition holds, with turns of the event loop for the trace. */
  async produceUntil(done: () => boolean): Promise<void> {
    while (!done()) {
      this.produce();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Produces records until the output is blocked, and then until the ring is full. */
  async overflow(): Promise<void> {
    await this.produceUntil(() => this.printer.blocked);
    const { lost } = this.tracer.events();
    await this.produceUntil(() => this.tracer.events().lost > lost);
  }

  get produced(): number {
    return this.#frames;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

async function until(done: () => boolean, milliseconds: number): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!done()) {
    assert.ok(performance.now() < deadline, "in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("an output that takes nothing makes events count as lost, and holds up no end of the trace", async () => {
  const bytes = new ByteList();
  using trial = await Trial.open(bytes);
  bytes.stall();
  const running = trial.run();
  await trial.overflow();
  assert.equal(bytes.text, "");
  trial.stop.abort();
  await until(() => !trial.attached, SOON_MS);
  assert.equal(bytes.text, "");
  await until(() => trial.messages.text !== "", 5 * SOON_MS);
  assert.match(trial.messages.text, /All probes are detached; waiting until a list takes the rest/);
  // Everything that is not lost is written once the reader continues.
  bytes.resume();
  assert.equal(await running, null);
  const { recorded, lost, unread } = trial.tracer.counts();
  assert.equal(recorded + lost, trial.produced);
  assert.equal(unread, 0);
  assert.equal(trial.printer.pending, false);
  const rows = bytes.text.split("\n").length - 2;
  const { abandoned } = trial.printer.shown;
  const open = bytes.text.split("trace ended").length - 1;
  assert.equal(rows - abandoned - open, recorded);
});

test("a second signal gives up what the output does not take, and that is counted", async () => {
  const bytes = new ByteList();
  using trial = await Trial.open(bytes);
  bytes.stall();
  const running = trial.run();
  await trial.overflow();
  trial.stop.abort();
  await until(() => !trial.attached, SOON_MS);
  trial.cut.abort();
  assert.equal(await running, null);
  assert.equal(trial.printer.pending, true);
  assert.equal(trial.printer.rows, 0);
  assert.ok(trial.tracer.counts().unread > 0);
  bytes.resume();
});

test("a reader that has gone ends the trace, busy or not", async () => {
  for (const busy of [true, false]) {
    const bytes = new ByteList({
      before: (write) => {
        if (write > 0) throw new Deno.errors.BrokenPipe("gone");
      },
    });
    using trial = await Trial.open(bytes);
    const running = trial.run();
    await until(() => bytes.text !== "", SOON_MS);
    if (busy) await trial.produceUntil(() => !trial.attached);
    else trial.produce();
    assert.ok(await running instanceof OutputClosed);
    assert.equal(trial.attached, false);
  }
});

test("what choosing the backend has attached is the trace's, and is detached with it", async () => {
  for (const isTaken of [true, false]) {
    using trial = await Trial[isTaken ? "open" : "load"](new ByteList(), true);
    assert.equal(trial.attached, true);
    assert.ok(trial.tracer.attachMs >= EARLY_MS);
    if (isTaken) {
      trial.stop.abort();
      assert.equal(await trial.run(), null);
      assert.equal(trial.attached, false);
    }
    trial.tracer[Symbol.dispose]();
    assert.equal(trial.attached, false);
  }
});
