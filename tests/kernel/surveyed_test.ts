import assert from "node:assert/strict";
import type { Btf } from "../../src/kernel/btf.ts";
import { discover } from "../../src/kernel/functions.ts";
import { resultTypes } from "../../src/kernel/result_type.ts";
import {
  type Keeping,
  type KernelSources,
  readSources,
  readSurveyed,
  type SourceOptions,
  type SourcePaths,
} from "../../src/kernel/sources.ts";
import { BtfWriter } from "../support/btf_writer.ts";
import { isFailure } from "../support/failures.ts";

const kernel = new BtfWriter();
const skb = kernel.pointer(kernel.struct("sk_buff", 232));
kernel.func("ip_rcv", [["skb", skb]]);
kernel.func("kfree_skbmem", [["skb", skb]]);
kernel.func("inlined", [["skb", skb]]);

/** BTF of vrouter, with a struct of so many bytes. */
function vrouterBtf(bytes: number): Uint8Array {
  const writer = new BtfWriter(kernel);
  const packet = writer.pointer(writer.struct("vr_packet", bytes));
  writer.func("vm_rx", [["pkt", packet]]);
  return writer.bytes();
}

const KALLSYMS = [
  "ffffffff81000010 T ip_rcv",
  "ffffffff81000020 T kfree_skbmem",
  "ffffffffc0001010 t vm_rx\t[vrouter]",
  "ffffffffc0001020 t undescribed.isra.0\t[vrouter]",
];
const OPTIONS: SourceOptions = { kernelBtf: null, vrouterBtf: null, vrouter: true };

/** A running system of files. */
class System implements Disposable {
  readonly root = Deno.makeTempDirSync();
  readonly paths: SourcePaths = {
    btf: `${this.root}/sys/kernel/btf`,
    vrouterBtf: `${this.root}/vrouter.btf`,
    kallsyms: `${this.root}/proc/kallsyms`,
    filterFunctions: [`${this.root}/tracing`, `${this.root}/debug`],
  };
  keeping: Keeping;
  readonly messages: string[] = [];

  constructor() {
    Deno.mkdirSync(`${this.root}/cache`, { mode: 0o700 });
    this.keeping = {
      cache: { folder: `${this.root}/cache`, program: "0123" },
      debug: (message) => this.messages.push(message),
      mounts: { proc: `${this.root}/proc`, sys: `${this.root}/sys` },
      ask: (_kernel, vrouter) => vrouter?.structSize("vr_packet"),
    };
    this.write("proc/sys/kernel/random/boot_id", "one\n");
    this.write("proc/sys/kernel/kptr_restrict", "1\n");
    this.write("proc/sys/kernel/perf_event_paranoid", "2\n");
    this.write("proc/version", "Linux\n");
    this.write("proc/self/status", "Name:\tvrft\nCapEff:\tff\n");
    this.write("proc/modules", "vrouter 4096 0 - Live 0xffffffffc0001000\n");
    this.write("sys/kernel/notes", "GNU");
    this.write("sys/kernel/btf/vmlinux", kernel.bytes());
    this.write("sys/kernel/btf/vrouter", vrouterBtf(48));
    this.write("sys/module/vrouter/notes/.note.gnu.build-id", "first");
    this.symbols(...KALLSYMS);
    this.write("tracing", "ip_rcv\nkfree_skbmem\nvm_rx [vrouter]\n");
  }

  path(name: string): string {
    return `${this.root}/${name}`;
  }

  write(name: string, content: string | Uint8Array): void {
    const path = this.path(name);
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }

  symbols(...lines: string[]): void {
    this.write("proc/kallsyms", `${lines.join("\n")}\n`);
  }

  async read(options: Partial<SourceOptions> = {}): Promise<KernelSources> {
    return await readSurveyed({ ...OPTIONS, ...options }, this.keeping, this.paths);
  }

  /** Whether a start finds what an earlier one has kept. */
  async isWarm(options: Partial<SourceOptions> = {}): Promise<boolean> {
    return (await this.read(options)).kallsyms === null;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** All that is discovered, whatever globs are given. */
function all(sources: KernelSources): unknown {
  return [[], ["ip_*"], ["un*"], ["none"]].flatMap((globs) => [
    discover({ ...sources, functions: globs, excludes: [] }),
    discover({ ...sources, functions: [], excludes: globs, also: ["kfree_skbmem"] }),
  ]);
}

Deno.test("a later start discovers the same as the first, without reading lists or BTF again", async () => {
  using system = new System();
  const full = await readSources(OPTIONS, system.paths);
  const first = await system.read();
  assert.notEqual(first.kallsyms, null);
  const second = await system.read();
  assert.deepEqual([second.kallsyms, second.filterFunctions], [null, null]);
  for (const sources of [first, second]) assert.deepEqual(all(sources), all(full));
  assert.equal(second.vrouterBtf, full.vrouterBtf);
  assert.equal(second.kernelBtf, full.kernelBtf);
  assert.deepEqual([second.warnings, second.notes], [full.warnings, full.notes]);
  assert.deepEqual(second.modules.map(({ module }) => module), ["vmlinux", "vrouter"]);

  // What was asked for is known, and all else is read.
  const [, vrouter] = second.modules as [unknown, { btf: Btf }];
  system.write("sys/kernel/btf/vrouter", "");
  assert.equal(vrouter.btf.structSize("vr_packet"), 48);
  assert.throws(() => vrouter.btf.structSize("vm_rx"), isFailure("btf"));
  system.write("sys/kernel/btf/vrouter", vrouterBtf(48));
  assert.equal(vrouter.btf.structSize("vm_rx"), undefined);
  assert.equal(second.kernel.structSize("sk_buff"), 232);
  assert.deepEqual(system.messages, []);
});

Deno.test("BTF that is read later is as good as any", async () => {
  using system = new System();
  const first = await system.read();
  const second = await system.read();
  const { functions } = discover({ ...second, functions: [], excludes: [] });
  const results = (sources: KernelSources): unknown => resultTypes(sources.modules, functions);
  assert.deepEqual(results(second), results(first));
  assert.equal(second.modules[1]!.btf.base, second.kernel.itself);
});

/** Each changes what a survey is about. */
const CHANGES: Record<string, (system: System) => void> = {
  "after a reboot": (system) => system.write("proc/sys/kernel/random/boot_id", "two\n"),
  "with another kernel": (system) => system.write("sys/kernel/notes", "CLANG"),
  "with another version of it": (system) => system.write("proc/version", "Linux 2\n"),
  "after a reload of a module at the same address": (system) => {
    const folder = system.path("sys/module/vrouter");
    // kernfs gives no number twice, other file systems may.
    Deno.renameSync(folder, `${folder}.old`);
    system.write("sys/module/vrouter/notes/.note.gnu.build-id", "first");
  },
  "with another build of a module": (system) =>
    system.write("sys/module/vrouter/notes/.note.gnu.build-id", "other"),
  "with a module at another address": (system) =>
    system.write("proc/modules", "vrouter 4096 0 - Live 0xffffffffc0002000\n"),
  "with a further module": (system) => {
    system.write(
      "proc/modules",
      `${Deno.readTextFileSync(system.path("proc/modules"))}tun 1 0 - Live 0x1\n`,
    );
    system.write("sys/module/tun/refcnt", "0");
  },
  "with another vrft": (system) => {
    const { cache } = system.keeping;
    system.keeping = { ...system.keeping, cache: { ...cache, program: "4567" } };
  },
  "if addresses are hidden from it": (system) =>
    system.write("proc/sys/kernel/kptr_restrict", "2\n"),
  "if they are shown by another rule": (system) =>
    system.write("proc/sys/kernel/perf_event_paranoid", "1\n"),
  "with other capabilities": (system) => system.write("proc/self/status", "CapEff:\tf\n"),
  "in another user namespace": (system) => {
    Deno.mkdirSync(system.path("proc/self/ns"));
    Deno.symlinkSync("user:[4026532000]", system.path("proc/self/ns/user"));
  },
  "with the other tracing folder": (system) =>
    Deno.renameSync(system.path("tracing"), system.path("debug")),
  "with a damaged file": (system) => {
    const path = system.path("cache/survey");
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 9]! ^= 4;
    Deno.writeFileSync(path, bytes);
  },
  "with a truncated file": (system) => Deno.truncateSync(system.path("cache/survey"), 900),
  "with a file that others can write": (system) =>
    Deno.chmodSync(system.path("cache/survey"), 0o622),
};

for (const [when, change] of Object.entries(CHANGES)) {
  Deno.test(`what was kept is not used ${when}, and kept anew`, async () => {
    using system = new System();
    assert.equal(await system.isWarm(), false);
    assert.equal(await system.isWarm(), true);
    change(system);
    // What a stale survey would get wrong.
    system.symbols(...KALLSYMS.map((line) => line.replace("010 ", "050 ")));
    const { functions } = discover({ ...await system.read(), functions: [], excludes: [] });
    assert.equal(functions.find(({ name }) => name === "vm_rx")?.address, 0xffffffffc0001050n);
    assert.equal(await system.isWarm(), true);
    assert.deepEqual(all(await system.read()), all(await readSources(OPTIONS, system.paths)));
  });
}

Deno.test("what was kept is not used with other options", async () => {
  using system = new System();
  const given = system.path("given.btf");
  system.write("given.btf", vrouterBtf(40));
  for (const options of [{}, { vrouter: false }, { vrouterBtf: given }]) {
    assert.equal(await system.isWarm(options), false, Object.keys(options).join());
    assert.equal(await system.isWarm(options), true, Object.keys(options).join());
  }
  const { modules, vrouterBtf: path } = await system.read({ vrouterBtf: given });
  assert.deepEqual([path, modules[1]!.btf.structSize("vr_packet")], [given, 40]);
  system.write("given.btf", vrouterBtf(56));
  assert.equal(await system.isWarm({ vrouterBtf: given }), false);
  const kernelBtf = system.path("sys/kernel/btf/vmlinux");
  for (let start = 0; start < 2; start++) assert.equal(await system.isWarm({ kernelBtf }), false);
});

/** In none of these is anything kept. */
const UNKNOWN: Record<string, (system: System) => void> = {
  "addresses are hidden": (system) =>
    system.symbols(...KALLSYMS.map((line) => line.replace(/^\w+/, "0".repeat(16)))),
  "a module is being loaded": (system) =>
    system.write("proc/modules", "vrouter 4096 1 - Loading 0xffffffffc0001000\n"),
  "a module cannot be told from its last load": (system) =>
    Deno.removeSync(system.path("sys/module/vrouter"), { recursive: true }),
  "the boot has no name": (system) =>
    Deno.removeSync(system.path("proc/sys/kernel/random/boot_id")),
  "there is no list of traceable functions": (system) => Deno.removeSync(system.path("tracing")),
  "there is no BTF of vrouter": (system) => Deno.removeSync(system.path("sys/kernel/btf/vrouter")),
  "the folder is gone": (system) => Deno.removeSync(system.path("cache")),
};

for (const [when, change] of Object.entries(UNKNOWN)) {
  Deno.test(`nothing is kept if ${when}`, async () => {
    using system = new System();
    change(system);
    for (let start = 0; start < 2; start++) assert.equal(await system.isWarm(), false);
    assert.equal(system.messages.length, when === "the folder is gone" ? 2 : 0);
  });
}

Deno.test("nothing is kept of what changed while it was read", async () => {
  using system = new System();
  const keeping = system.keeping;
  // Between the lists and the end.
  let reads = 0;
  system.keeping = {
    ...keeping,
    get mounts() {
      if (reads++ > 0) system.write("proc/sys/kernel/random/boot_id", `${reads}\n`);
      return keeping.mounts;
    },
  } as Keeping;
  await system.read();
  assert.deepEqual([...Deno.readDirSync(system.path("cache"))], []);
});
