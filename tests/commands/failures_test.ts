import assert from "node:assert/strict";
import type { TraceOptions } from "../../src/cli/invocation.ts";
import { announce, removeStale } from "../../src/commands/ready_file.ts";
import { openOutput } from "../../src/commands/trace_output.ts";
import { requireMemory } from "../../src/commands/flight_record.ts";
import { findTargets, requireTraced } from "../../src/commands/trace_targets.ts";
import { VrouterWatch } from "../../src/commands/vrouter_watch.ts";
import { Btf } from "../../src/kernel/btf.ts";
import type { KernelSources } from "../../src/kernel/sources.ts";
import { Log } from "../../src/output/log.ts";
import { ModuleWatch } from "../../src/sys/module_events.ts";
import { BtfWriter } from "../support/btf_writer.ts";
import { isFailure } from "../support/failures.ts";
import { kernelSources } from "../support/kernel_sources.ts";
import { MessageList } from "../support/message_list.ts";

const LOG = new Log({ messages: { busy: false, write: () => {} } });

/** Sources of a kernel with one function that takes a packet. */
function sources(lists: Partial<KernelSources>): KernelSources {
  const writer = new BtfWriter();
  writer.func("ip_rcv", [["skb", writer.pointer(writer.struct("sk_buff", 8, []))]]);
  return kernelSources(Btf.parse(writer.bytes()), lists);
}

function find(functions: string[], lists: Partial<KernelSources>): void {
  const options = { functions, excludes: [], sample: 1 } as unknown as TraceOptions;
  findTargets(LOG, options, sources(lists));
}

Deno.test("findTargets() tells globs that match nothing from lists that are not to be had", () => {
  const filterFunctions = new TextEncoder().encode("ip_rcv\n");
  const kallsyms = new TextEncoder().encode("0000000000000000 T ip_rcv\n");
  assert.throws(() => find(["vr_*"], { filterFunctions }), isFailure("functions"));
  assert.throws(() => find([], {}), isFailure("tracefs"));
  assert.throws(() => find([], { filterFunctions, kallsyms }), isFailure("addresses"));
});

Deno.test("a ring that is larger than the machine's memory is refused", () => {
  requireMemory(2 ** 30, 2 ** 30);
  assert.throws(
    () => requireMemory(100 * 2 ** 30, 2 ** 30),
    isFailure(
      "usage",
      /asks for 102,400 MiB, and this machine has 1,024 MiB of memory: give less$/,
    ),
  );
});

Deno.test("packets cannot be seen in calls of what is not traced, such as a glob", () => {
  const targets = [{ name: "vr_forward" }, { name: "nh_output" }];
  requireTraced([], targets);
  requireTraced(["nh_output"], targets);
  assert.throws(
    () => requireTraced(["nh_output", "vr_*"], targets),
    isFailure("functions", /^Cannot show packets in calls of "vr_\*": no such function is traced/),
  );
});

Deno.test("what the user wants written where it cannot be is about the output", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    await assert.rejects(
      openOutput(directory, LOG, new AbortController().signal),
      isFailure("output"),
    );
    assert.throws(() => removeStale(directory), isFailure("output"));
    assert.throws(() => announce(`${directory}/none/ready`), isFailure("output"));
  } finally {
    Deno.removeSync(directory);
  }
});

for (const ends of [false, true]) {
  Deno.test(`a module that goes ${ends ? "ends what is to be started again" : "does not end a trace"}`, () => {
    const modules = Deno.makeTempDirSync();
    try {
      Deno.mkdirSync(`${modules}/vrouter`);
      const messages = new MessageList();
      using watch = new VrouterWatch(new Log({ messages }), new ModuleWatch("vrouter", modules));
      if (ends) watch.endTrace();
      watch.look();
      assert.equal(watch.gone.aborted, false);
      Deno.removeSync(`${modules}/vrouter`);
      watch.look();
      watch.look();
      assert.equal(watch.gone.aborted, ends);
      assert.equal(
        messages.text.match(/The vrouter module was unloaded|Stopped: the vrouter/g)?.length,
        1,
      );
    } finally {
      Deno.removeSync(modules, { recursive: true });
    }
  });
}

Deno.test("a module that goes while a trace is getting ready is told from one that never was", () => {
  const modules = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${modules}/vrouter`);
    using watch = new VrouterWatch(LOG, new ModuleWatch("vrouter", modules));
    watch.requireSame();
    Deno.removeSync(`${modules}/vrouter`);
    const cause = new Error("attaching failed");
    assert.throws(
      () => watch.requireSame(cause),
      (error) => isFailure("vrouter_changed")(error) && (error as Error).cause === cause,
    );
  } finally {
    Deno.removeSync(modules, { recursive: true });
  }
});
