import assert from "node:assert/strict";
import { compileFilters, FILTER_ROOM } from "../../src/packet/expression.ts";
import { Failure } from "../../src/sys/failure.ts";
import { processCpuMs } from "../../src/sys/cpu_time.ts";

const NONE = { any: null, outer: null, inner: null };

/** The message of the failure that an expression ends with. */
async function refusal(any: string): Promise<string> {
  try {
    await compileFilters({ ...NONE, any });
  } catch (error) {
    assert.ok(error instanceof Failure && error.kind === "expression");
    return error.message;
  }
  throw new Error(`Compiled: ${any}`);
}

const hosts = (count: number): string =>
  Array.from({ length: count }, (_, i) => `host 10.${i >> 8}.${i & 255}.9`).join(" or ");

Deno.test("each layer has its own program", async () => {
  const filter = await compileFilters({ any: "icmp", outer: null, inner: "tcp port 9" });
  assert.ok(filter?.any && filter.inner && filter.any.length < filter.inner.length);
  assert.equal(filter.outer, null);
});

Deno.test("without an expression there is no filter", async () => {
  assert.equal(await compileFilters(NONE), null);
});

Deno.test("a wrong expression is refused with what was given and libpcap's words", async () => {
  assert.equal(
    await refusal("icmp andd"),
    `Cannot use the packet filter "icmp andd": can't parse filter expression: syntax error`,
  );
  assert.match(await refusal("host no-such-host.invalid"), /unknown host 'no-such-host\.invalid'$/);
  assert.match(await refusal("ip6 protochain 6"), /^Cannot use .* needs a loop \(protochain\)/);
});

Deno.test("an expression may be as long as there is room, which a longer one is told", async () => {
  const filter = await compileFilters({ ...NONE, any: hosts(80) });
  assert.ok(filter!.any!.length <= FILTER_ROOM);
  assert.match(
    await refusal(hosts(300)),
    /it takes 1\d,\d{3} instructions, and there is room for 4,096: shorten it/,
  );
});

Deno.test("libpcap's optimiser does not see what would take it long", async () => {
  // It takes 111 s for this.
  const start = processCpuMs();
  await refusal(hosts(1_000));
  const seconds = (processCpuMs() - start) / 1000;
  assert.ok(seconds < 60, `${seconds} s`);
});
