import assert from "node:assert/strict";
import { must, parse, ping, settle, Trace, traceWhile } from "./support.ts";

/** Functions that every packet in vrouter passes once, attached to in no time on any kernel. */
const FEW = ["-f", "linux_rx_handler", "-f", "vm_rx", "-f", "linux_xmit"];

async function countOf(args: readonly string[], name: string): Promise<number> {
  const { code, stdout, stderr } = await traceWhile(args, () => ping(3));
  assert.equal(code, 0, stderr);
  return parse(stdout).calls.filter((call) => call.name === name).length;
}

Deno.test("-i keeps the packets of one vif, by name, by number and by device", async () => {
  await settle();
  // A request comes in on tap1 and its reply on tap2.
  assert.equal(await countOf([...FEW, "-i", "vif0/1"], "linux_rx_handler"), 3);
  assert.equal(await countOf([...FEW, "-i", "tap1", "--interface=vif0/2"], "vm_rx"), 6);
});

Deno.test("-i follows a packet to where another interface sends it", async () => {
  await settle();
  // linux_xmit() of a request is called with the device it leaves by.
  const { stdout } = await traceWhile([...FEW, "-i", "tap2"], () => ping(1));
  const { calls } = parse(stdout);
  const sent = calls.filter(({ name }) => name === "linux_xmit");
  assert.equal(sent.length >= 1, true, stdout);
  assert.equal(calls.filter(({ name }) => name === "vm_rx").length, 1, stdout);
});

Deno.test("An interface of the same number in another namespace is not kept", async () => {
  await settle();
  // eth0 of vm1 and of vm2 have the number of one of the first devices here.
  const number = Number(
    (await must("ip", "-n", "vm1", "-j", "link", "show", "eth0"))
      .match(/"ifindex":\s*(\d+)/)![1],
  );
  const devices = JSON.parse(await must("ip", "-j", "link")) as {
    ifindex: number;
    ifname: string;
  }[];
  let twin = devices.find(({ ifindex }) => ifindex === number)?.ifname;
  if (twin === undefined) {
    twin = "twin";
    await must("ip", "link", "add", twin, "index", `${number}`, "type", "dummy");
  }
  // icmp_rcv() runs in vm1 and vm2 only, for packets of their eth0.
  assert.equal(await countOf(["-f", "icmp_rcv", "-i", twin], "icmp_rcv"), 0);
});

Deno.test("-f and -x choose functions by globs, and -x wins", async () => {
  await settle();
  const { stdout } = await traceWhile(["-f", "vr_*", "-x", "vr_p?t_type"], () => ping(1));
  const names = new Set(parse(stdout).calls.map(({ name }) => name));
  assert.ok(names.has("vr_virtual_input") && names.has("vr_bridge_input"), stdout);
  assert.ok(!names.has("vr_pkt_type"));
  assert.ok([...names].every((name) => name.startsWith("vr_")));
});

Deno.test("-n ends the trace after that many rows, every call among them closed", async () => {
  await settle();
  await using trace = await Trace.live(...FEW, "-f", "nh_*", "-n", "41");
  await ping(8);
  const { code, stdout, stderr } = await trace.ended();
  assert.equal(code, 0);
  // What came behind the limit is not called missing.
  assert.doesNotMatch(stderr, /not printed|left out|without/);
  const { calls, events } = parse(stdout);
  assert.equal(events, 40);
  assert.equal(calls.length * 2, events);
});

Deno.test("--no-vrouter traces plain devices", async () => {
  await settle();
  const args = ["--no-vrouter", "-f", "netif_rx_internal", "-i", "tap1"];
  assert.ok(await countOf(args, "netif_rx_internal") >= 3);
});
