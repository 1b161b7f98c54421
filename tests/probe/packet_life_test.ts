import assert from "node:assert/strict";
import { LIFE, seesEnds, withLife } from "../../src/probe/packet_life.ts";
import type { Target } from "../../src/probe/target.ts";

/** A function of the kernel, at an address that its name alone decides. */
function fn(name: string, module = "vmlinux"): Target {
  const address = [...name].reduce((sum, char) => sum * 31n + BigInt(char.charCodeAt(0)), 1n);
  return { name, module, struct: "sk_buff", position: 1, argument: 1, indirection: 1, address };
}

Deno.test("withLife() says which targets copy, release and free packets, and keeps their places", () => {
  const names = ["ip_rcv", "kfree_skbmem", "skb_release_data", "skb_clone", "tcp_wfree"];
  const targets = names.map((name) => fn(name));
  assert.deepEqual(withLife(targets, []), [
    targets[0],
    { ...targets[1], end: "finishes" },
    { ...targets[2], end: "frees" },
    { ...targets[3], copies: true },
    { ...targets[4], end: "frees" },
  ]);
});

Deno.test("withLife() adds behind the targets, silently, what copies or releases and is none of them", () => {
  const targets = [fn("vr_forward", "vrouter"), fn("kfree_skbmem")];
  const others = ["ip_rcv", "kfree_skbmem", "skb_release_data", "skb_copy", "napi_reuse_skb"]
    .map((name) => fn(name));
  assert.deepEqual(withLife(targets, others), [
    targets[0],
    { ...targets[1], end: "finishes" },
    { ...others[3], copies: true, silent: true },
    { ...others[4], end: "releases", silent: true },
  ]);
});

Deno.test("withLife() takes a function of a module for another one, whatever its name", () => {
  const targets = [fn("kfree_skbmem", "vrouter"), fn("skb_clone", "veth")];
  assert.deepEqual(withLife(targets, [fn("napi_reuse_skb", "vrouter")]), targets);
});

Deno.test("withLife() says which functions of vrouter drop packets, if they are as expected", () => {
  const free = { ...fn("lh_pfree", "vrouter"), struct: "vr_packet" } as const;
  const freeSkb = fn("lh_pfree_skb", "vrouter");
  const dropping = withLife([free, freeSkb], []);
  assert.deepEqual(dropping, [{ ...free, drops: true }, { ...freeSkb, drops: true }]);
  const others = [fn("lh_pfree", "vrouter"), fn("lh_pfree_skb"), fn("constructor", "vrouter")];
  assert.deepEqual(withLife(others, []), others);
});

Deno.test("every function of LIFE has a role, for which it is attached to", () => {
  assert.equal(withLife([], LIFE.map((name) => fn(name))).length, LIFE.length);
});

Deno.test("seesEnds() tells whether any function releases packets", () => {
  const targets = [fn("ip_rcv"), fn("skb_release_data"), fn("skb_clone")];
  assert.equal(seesEnds(withLife(targets, [])), false);
  assert.equal(seesEnds(withLife(targets, [fn("kfree_skbmem")])), true);
  assert.equal(seesEnds(withLife([...targets, fn("kfree_skbmem")], [])), true);
});
