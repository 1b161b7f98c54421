import assert from "node:assert/strict";
import type { FunctionsOptions } from "../../src/cli/invocation.ts";
import { runFunctions } from "../../src/commands/functions.ts";
import type { CommandIo } from "../../src/commands/io.ts";
import { Btf } from "../../src/kernel/btf.ts";
import type { KernelSources } from "../../src/kernel/sources.ts";
import { BtfWriter } from "../support/btf_writer.ts";

const OPTIONS: FunctionsOptions = {
  kernelBtf: null,
  vrouterBtf: null,
  vrouter: true,
  functions: [],
  excludes: [],
  json: false,
  skipped: false,
  debug: false,
};

const KALLSYMS = `\
ffffffff81000010 T ip_rcv
ffffffff81000020 t skb_cold.part.0
ffffffffc0000010 t linux_rx_handler	[vrouter]
ffffffffc0000020 t vr_virtual_input	[vrouter]
`;

const FILTER_FUNCTIONS = `\
ip_rcv
linux_rx_handler [vrouter]
vr_virtual_input [vrouter]
`;

/** A kernel with a module; `changed` replaces what was read. */
function sources(changed: Partial<KernelSources> = {}): KernelSources {
  const kernel = new BtfWriter();
  const int = kernel.int("int", 4);
  const skb = kernel.pointer(kernel.struct("sk_buff", 232));
  const skbs = kernel.pointer(skb);
  kernel.func("ip_rcv", [["skb", skb]], int);
  kernel.func("skb_cold", [["skb", skb]]);
  kernel.func("skb_inlined", [["n", int], ["skb", skb]]);
  const vrouter = new BtfWriter(kernel);
  const packet = vrouter.pointer(vrouter.struct("vr_packet", 48));
  vrouter.func("linux_rx_handler", [["pskb", skbs]], int);
  vrouter.func("vr_virtual_input", [["vrf", int], ["vif", int], ["pkt", packet]], int);
  const base = Btf.parse(kernel.bytes());
  const encoder = new TextEncoder();
  return {
    kernel: base,
    modules: [
      { module: "vmlinux", btf: base },
      { module: "vrouter", btf: Btf.parse(vrouter.bytes(), base) },
    ],
    kallsyms: encoder.encode(KALLSYMS),
    filterFunctions: encoder.encode(FILTER_FUNCTIONS),
    kernelBtf: "/sys/kernel/btf/vmlinux",
    vrouterBtf: "/sys/kernel/btf/vrouter",
    warnings: [],
    vrouterBtfIgnored: null,
    leftOut: [],
    notes: ["a note"],
    ...changed,
  };
}

/** What the command writes. */
async function run(
  options: Partial<FunctionsOptions> = {},
  changed: Partial<KernelSources> = {},
): Promise<{ out: string; log: string[] }> {
  let out = "";
  const log: string[] = [];
  const io: CommandIo = { out: (text) => out += text, log: (text) => log.push(text) };
  const status = await runFunctions({ ...OPTIONS, ...options }, io, (given) => {
    assert.deepEqual(given, { ...OPTIONS, ...options });
    return Promise.resolve(sources(changed));
  });
  assert.equal(status, 0);
  return { out, log };
}

Deno.test("runFunctions() prints a table with the packet argument of each function", async () => {
  assert.deepEqual(await run(), {
    out: `\
FUNCTION          MODULE   STRUCT       POSITION  ADDRESS
ip_rcv            vmlinux  sk_buff *           1  0xffffffff81000010
linux_rx_handler  vrouter  sk_buff **          1  0xffffffffc0000010
vr_virtual_input  vrouter  vr_packet *         3  0xffffffffc0000020
`,
    log: [],
  });
});

Deno.test("runFunctions() prints JSON with the documented keys in their order", async () => {
  const { out, log } = await run({ json: true, functions: ["linux_*"] });
  assert.equal(
    out,
    `\
[
  {
    "name": "linux_rx_handler",
    "module": "vrouter",
    "struct": "sk_buff",
    "position": 1,
    "indirection": 2,
    "address": "0xffffffffc0000010"
  }
]
`,
  );
  assert.deepEqual(log, []);
});

Deno.test("runFunctions() lists what is skipped with the reason", async () => {
  const { out } = await run({ skipped: true });
  assert.equal(
    out,
    `\
FUNCTION     MODULE   REASON
skb_cold     vmlinux  compiled as skb_cold.part.0: its arguments may have changed
skb_inlined  vmlinux  inlined: no symbol
`,
  );
  assert.deepEqual(JSON.parse((await run({ skipped: true, json: true })).out), [
    {
      name: "skb_cold",
      module: "vmlinux",
      reason: "compiled as skb_cold.part.0: its arguments may have changed",
    },
    { name: "skb_inlined", module: "vmlinux", reason: "inlined: no symbol" },
  ]);
});

Deno.test("runFunctions() lists packets on the stack where the kernel has trampolines", async () => {
  const lists = (trampolines: boolean): Partial<KernelSources> => {
    const writer = new BtfWriter();
    const int = writer.int("int", 4);
    const skb = writer.pointer(writer.struct("sk_buff", 232));
    const six = Array.from({ length: 6 }, () => ["", int] as const);
    writer.func("rt_fill_info", [...six, ["skb", skb]]);
    const name = trampolines ? "BPF_TRACE_FSESSION_MULTI" : "BPF_TRACE_FSESSION";
    writer.enum("bpf_attach_type", { [name]: 61 });
    const kernel = Btf.parse(writer.bytes());
    return {
      kernel,
      modules: [{ module: "vmlinux", btf: kernel }],
      kallsyms: new TextEncoder().encode("ffffffff81000010 t rt_fill_info\n"),
      filterFunctions: new TextEncoder().encode("rt_fill_info\n"),
    };
  };
  const found = await run({}, lists(true));
  assert.match(found.out, /^rt_fill_info +vmlinux +sk_buff \* +7 /m);
  assert.deepEqual(found.log, [
    "Only --backend trampoline traces those whose packet is on the stack: 1 of these",
  ]);
  assert.deepEqual((await run({ skipped: true }, lists(true))).log, []);
  const { out } = await run({ skipped: true }, lists(false));
  assert.match(
    out,
    /^rt_fill_info +vmlinux +parameter 7 arrives on the stack, which only trampolines reach$/m,
  );
});

Deno.test("runFunctions() keeps to the globs", async () => {
  const { out } = await run({ json: true, functions: ["*r*"], excludes: ["vr_*", "ip_*"] });
  assert.deepEqual(JSON.parse(out).map(({ name }: { name: string }) => name), ["linux_rx_handler"]);
  const none = await run({ json: true, functions: ["nothing"] });
  assert.deepEqual(none, { out: "[]\n", log: [] });
});

Deno.test("runFunctions() without tracefs and kallsyms lists the candidates and says so", async () => {
  const unreadable = { kallsyms: null, filterFunctions: null, warnings: ["Cannot read something"] };
  const { out, log } = await run({ json: true }, unreadable);
  const listed = JSON.parse(out) as { name: string; address: string | null }[];
  assert.deepEqual(listed.map(({ name }) => name), [
    "ip_rcv",
    "skb_cold",
    "skb_inlined",
    "linux_rx_handler",
    "vr_virtual_input",
  ]);
  assert(listed.every(({ address }) => address === null));
  assert.deepEqual(log, [
    "Cannot read something",
    "Listed by BTF alone: it is unknown which of these functions can be traced",
  ]);
  assert.match((await run({}, unreadable)).out, /^ip_rcv +vmlinux +sk_buff \* +1 +-$/m);
});

Deno.test("runFunctions() says that the kernel hides addresses", async () => {
  const kallsyms = new TextEncoder().encode(KALLSYMS.replace(/^\w{16}/gm, "0".repeat(16)));
  const { out, log } = await run({}, { kallsyms });
  assert.match(out, /^ip_rcv .* -$/m);
  assert.deepEqual(log, [
    "The kernel hides addresses: run as root, with kernel.kptr_restrict below 2",
  ]);
});

Deno.test("runFunctions() says that vrouter is missing, unless that is wanted", async () => {
  const { log } = await run({}, { vrouterBtf: null });
  assert.equal(log.length, 1);
  assert.match(log[0] ?? "", /^No BTF of vrouter found: .*--vrouter-btf.*--no-vrouter/);
  assert.deepEqual((await run({ vrouter: false }, { vrouterBtf: null })).log, []);
});

Deno.test("runFunctions() logs its sources and notes with --debug only", async () => {
  assert.deepEqual((await run({ debug: true })).log, [
    "a note",
    "Linux Debug info: /sys/kernel/btf/vmlinux",
    "tf-vrouter Debug info: /sys/kernel/btf/vrouter",
    "3 functions listed and 2 skipped, of 2 modules",
  ]);
});

Deno.test("runFunctions() lets no name of a module act on the terminal", async () => {
  const [kernel] = sources().modules;
  assert(kernel !== undefined);
  const hostile = { modules: [{ ...kernel, module: "vm\x1b[2J\x9b" }], filterFunctions: null };
  const { out } = await run({}, hostile);
  assert.match(out, /^ip_rcv +vm\\x1b\[2J\\x9b +sk_buff/m);
  const json = await run({ json: true }, hostile);
  assert.doesNotMatch((out + json.out).replaceAll("\n", ""), /\p{Cc}/u);
  assert.equal(JSON.parse(json.out)[0].module, "vm\x1b[2J\x9b");
});

Deno.test("runFunctions() names modules that are left out, without --debug", async () => {
  const leftOut = [{ module: "bridge", reason: "Built over the BTF of another kernel" }];
  const { log, out } = await run({}, { leftOut });
  assert.match(log.join("\n"), /^Left out module bridge: cannot use its BTF: Built over/m);
  assert.match(out, /ip_rcv/);
});
