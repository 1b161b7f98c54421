import assert from "node:assert/strict";
import { type Expected, received, traceAll } from "./filtered_traces.ts";
import { ping, run, settle, WORKING } from "./support.ts";

Deno.test("A filter shows the packets that match, with each backend", async () => {
  await settle();
  const [best, ...others] = WORKING;
  const expected: Expected[] = [
    [["icmp and host 10.1.1.2", "--backend", best!], 8],
    ...others.map((backend): Expected => [
      ["icmp[icmptype]=icmp-echoreply", "--backend", backend],
      4,
    ]),
    // The words are joined; nothing of the pings, both packets of the attempt to connect.
    [["tcp", "port", "9"], 2],
  ];
  await traceAll(expected, async () => {
    const before = received();
    await ping(4);
    // Refused.
    assert.equal((await run("ip", ["netns", "exec", "vm1", "nc", "10.1.1.2", "9"])).code, 1);
    assert.equal(received() - before, 10);
  });
});
