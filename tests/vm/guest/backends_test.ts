import assert from "node:assert/strict";
import {
  leftovers,
  parse,
  ping,
  run,
  settle,
  shape,
  summary,
  Trace,
  traceWhile,
  untilMapsAreFreed,
  WORKING,
} from "./support.ts";

const SOME = [
  "-f",
  "vm_rx",
  "-f",
  "vr_*",
  "-f",
  "__vr_*",
  "-f",
  "nh_*",
  "-f",
  "eth_tx",
  "-f",
  "linux_*",
  "-x",
  "*case*",
];

/** What --debug says of the backends. */
function assertChosen(backend: string, stderr: string): void {
  assert.match(stderr, new RegExp(`Backend ${backend}: .* works on this kernel`));
  for (const better of ["trampoline", "session", "multi"]) {
    if (better === backend) return;
    assert.match(stderr, new RegExp(`Backend ${better}: .* does not work here: `));
  }
}

for (const backend of ["trampoline", "session", "multi", "kprobe"]) {
  if (WORKING.includes(backend)) {
    Deno.test(`The backend ${backend} prints the same tree as any other`, async () => {
      await settle();
      // The best one is taken unless another is asked for, and --debug says why. Whether trampolines are
      // best depends on how long the guest takes to load and to let go.
      const isBest = backend === WORKING[0] && backend !== "trampoline";
      const choice = isBest ? ["--debug"] : ["--backend", backend];
      const args = [...SOME, ...choice, "-i", "tap1"];
      const { code, stdout, stderr } = await traceWhile(args, () => ping(1));
      assert.equal(code, 0, stderr);
      if (choice[0] === "--debug") assertChosen(backend, stderr);
      const { roots, calls } = parse(stdout);
      // The request, and then what vrouter does with the reply once it is tap1's.
      assert.equal(
        shape(roots[0]!),
        "linux_rx_handler(vm_rx(vr_virtual_input(vr_pkt_type vr_flow_forward(" +
          "vr_inet_flow_lookup __vr_flow_forward) vr_bridge_input(vr_ip_well_known_packet nh_output(" +
          "nh_encap_l2(eth_tx(linux_if_tx(linux_xmit_segment(linux_xmit)))))))))",
        stdout,
      );
      assert.ok(calls.every(({ note }) => note === ""), stdout);
      assert.equal(summary(stderr).get("events lost"), 0);
      if (backend === "trampoline") await untilMapsAreFreed();
      assert.deepEqual(await leftovers(), []);
    });
  } else if (backend === "trampoline" || backend === "session") {
    Deno.test(`The backend ${backend} says that this kernel does not have it`, async () => {
      const { code, stdout, stderr } = await run("vrft", [...SOME, "--backend", backend]);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(
        stderr,
        new RegExp(`Cannot trace with the backend "${backend}" on this kernel: `),
      );
      assert.deepEqual(await leftovers(), []);
    });
  }
}

Deno.test("All functions are attached to, and let go again", async () => {
  await using trace = await Trace.live("--backend", WORKING[0]!);
  const attached = await leftovers();
  assert.ok(attached.length > 0);
  const { code, stderr } = await trace.stop();
  assert.equal(code, 0);
  const [, done, all] = /\((\d+)\/(\d+), \d+ it\/s\)/.exec(stderr)!;
  assert.ok(Number(all) > 1400, stderr);
  // The kernel may refuse some; it does not refuse many.
  assert.ok(Number(done) > Number(all) * 0.99, stderr);
  if (WORKING[0] === "trampoline") await untilMapsAreFreed();
  assert.deepEqual(await leftovers(), []);
});
