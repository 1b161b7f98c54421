import assert from "node:assert/strict";
import { must } from "./support.ts";

Deno.test("vrft interfaces --json lists all vifs, 200 of them too", async () => {
  interface Listed {
    readonly index: number;
    readonly name: string;
    readonly device: string | null;
    readonly ifindex: number;
    readonly type: string;
    readonly rxPackets: number;
  }
  const list = async (): Promise<Listed[]> =>
    JSON.parse(await must("vrft", "interfaces", "--json")) as Listed[];
  const before = await list();
  assert.deepEqual(before.map(({ index, name, device, type }) => [index, name, device, type]), [
    [0, "fab0", "fab0", "physical"],
    [1, "tap1", "tap1", "virtual"],
    [2, "tap2", "tap2", "virtual"],
    [4353, "pkt3", "pkt3", "stats"],
    [4354, "pkt1", "pkt1", "stats"],
  ]);
  for (const { device, ifindex } of before) {
    const [shown] = JSON.parse(await must("ip", "-j", "link", "show", device!));
    assert.equal(ifindex, shown.ifindex);
  }

  const batch = Array.from({ length: 200 }, (_, index) => `link add many${100 + index} type dummy`);
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, batch.join("\n"));
  await must("ip", "-batch", file);
  try {
    await must("vif-add", "--bulk", "many", "100", "200");
    const many = await list();
    assert.equal(many.length, before.length + 200);
    assert.deepEqual(
      many.slice(3, 203).map(({ index, name, device }) => [index, name, device]),
      Array.from({ length: 200 }, (_, at) => [100 + at, `many${100 + at}`, `many${100 + at}`]),
    );
    assert.equal(new Set(many.map(({ ifindex }) => ifindex)).size, many.length);
    await must("vrft", "-f", "vm_rx", "--duration", "50ms");
  } finally {
    const undo = batch.map((line) => line.replace("add", "del").replace(" type dummy", ""));
    await Deno.writeTextFile(file, undo.join("\n"));
    await must("ip", "-batch", file);
  }
});
