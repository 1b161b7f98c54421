import assert from "node:assert/strict";
import { runInterfaces } from "../../src/commands/interfaces.ts";
import type { CommandIo } from "../../src/commands/io.ts";
import { Failure } from "../../src/sys/failure.ts";
import { listVifs, type Vif } from "../../src/vrouter/interfaces.ts";
import { vif } from "../support/vifs.ts";
import { FakeModule, familyAnswer, namedVif, ScriptedTransport } from "../vrouter/fake_module.ts";
import { vector } from "../vrouter/vectors.ts";

const VIF = vif(1, "tap1");

/** The vifs of the captured dump. */
function capturedVifs(): Vif[] {
  const transport = new ScriptedTransport([
    familyAnswer(),
    ["vif_list-03-rsp", "vif_list-04-rsp", "vif_list-05-rsp"].map(vector),
    ["vif_list-07-rsp", "vif_list-08-rsp", "vif_list-09-rsp"].map(vector),
  ]);
  return listVifs(transport, [{ name: "fab0", ifindex: 10 }, { name: "tap1", ifindex: 5 }]);
}

/** What the command writes for `vifs`. */
function run(
  vifs: readonly Vif[],
  options: { json?: boolean; debug?: boolean } = {},
): { status: number; out: string; log: string[] } {
  let out = "";
  const log: string[] = [];
  const io: CommandIo = { out: (text) => void (out += text), log: (text) => void log.push(text) };
  const status = runInterfaces({ json: false, debug: false, ...options }, io, () => vifs);
  return { status, out, log };
}

Deno.test("runInterfaces() prints an aligned table", () => {
  const { status, out, log } = run(capturedVifs());
  assert.equal(status, 0);
  assert.deepEqual(log, []);
  assert.equal(
    out,
    `\
VIF        NAME    DEVICE  IFINDEX  TYPE        VRF  FLAGS     RX PACKETS  TX PACKETS  DROPS
vif0/0     fab0    fab0         10  physical      0  TcL3L2Vp          20          14     12
vif0/1     tap1    tap1          5  virtual       1  L3L2               8          14      0
vif0/2     tap2    -             6  virtual       1  L3L2               0           6      0
vif0/3     vhost0  -            12  host          0  L3L2               7           7      0
vif0/4     pkt0    -            11  agent     65535  L3L2               0           0      0
vif0/4353  pkt3    -             3  stats     65535  L3L2               4           4      0
vif0/4354  pkt1    -             2  stats     65535  L3L2               2           2      0
`,
  );
});

Deno.test("runInterfaces() prints the header alone when there are no vifs", () => {
  assert.equal(
    run([]).out,
    "VIF  NAME  DEVICE  IFINDEX  TYPE  VRF  FLAGS  RX PACKETS  TX PACKETS  DROPS\n",
  );
});

Deno.test("runInterfaces() writes - for no name, no device, no ifindex and no flags", () => {
  const [, row] = run([{ ...VIF, name: "" }]).out.split("\n");
  assert.deepEqual(row!.split(/ +/), ["vif0/1", "-", "-", "-", "virtual", "0", "-", "0", "0", "0"]);
});

Deno.test("runInterfaces() writes flags in vif's letters, and others in hexadecimal", () => {
  const flags = (bits: number): string => run([{ ...VIF, flags: bits }]).out.split(/\s+/).at(-5)!;
  assert.equal(flags(0x40000001), "PMl");
  assert.equal(flags(0x80000040), "L3+0x80000000");
  assert.equal(flags(0x400000), "0x400000");
});

Deno.test("runInterfaces() lets no name reach the terminal as it is, and keeps columns", () => {
  const names = ["\x1b[31mred", "\x9b2J", "a\nvif0/9", "naïve", "del\x7f"];
  const lines = run(names.map((name) => ({ ...VIF, name }))).out.split("\n");
  assert.equal(lines.length, 7);
  assert.match(lines[1]!, / {2}\\x1b\[31mred /);
  assert.match(lines[2]!, / {2}\\x9b2J /);
  assert.match(lines[3]!, / {2}a\\x0avif0\/9 /);
  assert.match(lines[4]!, / {2}naïve /);
  assert.match(lines[5]!, / {2}del\\x7f /);
  const column = lines[0]!.indexOf("DEVICE");
  for (const line of lines.slice(1, 6)) assert.equal(line[column], "-", line);
});

Deno.test("runInterfaces() --json prints one array with the promised keys in order", () => {
  const { out } = run(capturedVifs(), { json: true });
  assert(out.endsWith("]\n"));
  const parsed: Record<string, unknown>[] = JSON.parse(out);
  assert.equal(parsed.length, 7);
  assert.deepEqual(Object.entries(parsed[0]!), [
    ["index", 0],
    ["name", "fab0"],
    ["device", "fab0"],
    ["ifindex", 10],
    ["type", "physical"],
    ["vrf", 0],
    ["flags", 0x2e0],
    ["rxPackets", 20],
    ["txPackets", 14],
    ["drops", 12],
  ]);
  assert.equal(parsed[2]!["device"], null);
});

Deno.test("runInterfaces() --json prints an empty array when there are no vifs", () => {
  assert.equal(run([], { json: true }).out, "[]\n");
});

Deno.test("runInterfaces() --json escapes what a terminal acts on, and keeps it in the data", () => {
  const name = "\x1b[31m\x9b\x7f";
  const { out } = run([{ ...VIF, name }], { json: true });
  for (const character of ["\x1b", "\x9b", "\x7f"]) assert(!out.includes(character));
  assert.equal(JSON.parse(out)[0].name, name);
});

Deno.test("runInterfaces() lists 500 vifs", () => {
  const records = Array.from({ length: 500 }, (_, index) => namedVif(index, `tap${index}`));
  const vifs = listVifs(new FakeModule(records));
  assert.equal(run(vifs).out.split("\n").length, 502);
  assert.equal(JSON.parse(run(vifs, { json: true }).out).length, 500);
});

Deno.test("runInterfaces() --debug logs how many vifs have a device unknown here", () => {
  assert.deepEqual(run(capturedVifs(), { debug: true }).log, [
    "7 vifs read; 5 with a device outside this network namespace",
  ]);
});

Deno.test("runInterfaces() prints nothing when the vifs cannot be listed", () => {
  let printed = "";
  const io: CommandIo = { out: (text) => void (printed += text), log: () => {} };
  const fail = (): Vif[] => {
    throw new Failure("vifs", "Cannot list the vifs: no");
  };
  assert.throws(() => runInterfaces({ json: true, debug: false }, io, fail), Failure);
  assert.equal(printed, "");
});
