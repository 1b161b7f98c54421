import assert from "node:assert/strict";
import { leftOutLines } from "../../src/kernel/left_out.ts";

Deno.test("leftOutLines() names the modules, those of one reason together", () => {
  const reason = "Built over the BTF of another kernel";
  assert.deepEqual(
    leftOutLines([
      { module: "bridge", reason },
      { module: "tun", reason: "Truncated" },
      { module: "llc", reason },
      { module: "stp", reason },
    ]),
    [
      `Left out modules bridge, llc and stp: cannot use their BTF: ${reason}`,
      "Left out module tun: cannot use its BTF: Truncated",
    ],
  );
  assert.deepEqual(leftOutLines([]), []);
});
