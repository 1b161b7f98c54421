import assert from "node:assert/strict";
import { exists } from "../../../src/sys/files.ts";
import { must } from "./support.ts";

interface ListedFunction {
  readonly name: string;
  readonly module: string;
  readonly struct: string;
  readonly position: number;
  readonly indirection: number;
  readonly address: string | null;
}

/** Where vrft keeps what it has found out: /var/cache is not there in every guest. */
const KEPT = ["/var/cache/vrft/survey", "/run/vrft/survey"];

function forget(): void {
  for (const path of KEPT) {
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The list that vrft prints, the same when it remembers what it found the first time. */
async function list(...options: string[]): Promise<unknown> {
  forget();
  const [first, second] = [
    await must("vrft", "functions", "--json", ...options),
    await must("vrft", "functions", "--json", ...options),
  ];
  assert.equal(second, first);
  assert.ok(KEPT.some((path) => exists(path)), "nothing was kept");
  return JSON.parse(first);
}

Deno.test("vrft functions --json lists every traceable function with its packet", async () => {
  const functions = await list() as ListedFunction[];
  const traceable = new Set(
    (await Deno.readTextFile("/sys/kernel/tracing/available_filter_functions")).split("\n")
      .map((line) => line.split(" ")[0]),
  );
  const symbols = await Deno.readTextFile("/proc/kallsyms");
  assert.ok(functions.filter(({ module }) => module === "vmlinux").length > 1300);
  assert.ok(functions.filter(({ module }) => module === "vrouter").length > 50);
  for (const { name, address } of functions) {
    assert.ok(traceable.has(name), name);
    assert.match(address!, /^0x[0-9a-f]{16}$/);
    assert.ok(symbols.includes(`${address!.slice(2)} `), name);
  }
  const find = (name: string): Omit<ListedFunction, "address"> => {
    const { address: _, ...rest } = functions.find((one) => one.name === name)!;
    return rest;
  };
  const vrouter = { module: "vrouter", indirection: 1 };
  assert.deepEqual(find("linux_rx_handler"), {
    ...vrouter,
    name: "linux_rx_handler",
    struct: "sk_buff",
    position: 1,
    indirection: 2,
  });
  assert.deepEqual(find("vr_virtual_input"), {
    ...vrouter,
    name: "vr_virtual_input",
    struct: "vr_packet",
    position: 3,
  });
  assert.deepEqual(find("lh_pcow"), {
    ...vrouter,
    name: "lh_pcow",
    struct: "vr_packet",
    position: 1,
    indirection: 2,
  });
  assert.deepEqual(find("vr_case_sixth"), {
    ...vrouter,
    name: "vr_case_sixth",
    struct: "vr_packet",
    position: 6,
  });
  assert.deepEqual(find("ip_rcv"), {
    name: "ip_rcv",
    module: "vmlinux",
    struct: "sk_buff",
    position: 1,
    indirection: 1,
  });
});

Deno.test("vrft functions --skipped gives the reason of each function that is left out", async () => {
  const skipped = await list("--skipped") as {
    name: string;
    module: string;
    reason: string;
  }[];
  const reason = (name: string): string =>
    skipped.find((one) => one.name === name && one.module === "vrouter")?.reason ?? "";
  assert.match(reason("vr_case_seventh"), /stack/);
  assert.match(reason("vr_case_struct_full"), /stack/);
  assert.match(reason("vr_case_twin"), /2 symbols/);
  // Each function whose parameters the compiler changed is there, by its symbol or by its own name.
  const kallsyms = await Deno.readTextFile("/proc/kallsyms");
  const changed = [...kallsyms.matchAll(/ t ((?!__pfx_)(\S+)\.isra\.\d+)\t\[vrouter\]$/gm)];
  assert.ok(changed.length >= 2);
  for (const [, symbol = "", name = ""] of changed) {
    assert.notEqual(reason(symbol) + reason(name), "", symbol);
  }
  assert.ok(skipped.every((one) => one.reason !== ""));
});
