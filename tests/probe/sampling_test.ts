import assert from "node:assert/strict";
import type { Target } from "../../src/probe/target.ts";
import {
  isSampled,
  RELEASING,
  sampledProgram,
  sampledTargets,
  seesEnds,
} from "../../src/probe/sampling.ts";

/** A function of the kernel, at an address that its name alone decides. */
function fn(name: string, module = "vmlinux"): Target {
  const address = [...name].reduce((sum, char) => sum * 31n + BigInt(char.charCodeAt(0)), 1n);
  return { name, module, struct: "sk_buff", position: 1, register: 1, indirection: 1, address };
}

Deno.test("sampledTargets() says which targets release and free packets, and keeps their places", () => {
  const targets = ["ip_rcv", "kfree_skbmem", "skb_release_data", "tcp_wfree"].map((name) =>
    fn(name)
  );
  assert.deepEqual(sampledTargets(targets, []), [
    targets[0],
    { ...targets[1], end: "releases" },
    { ...targets[2], end: "frees" },
    { ...targets[3], end: "frees" },
  ]);
});

Deno.test("sampledTargets() adds behind the targets, silently, what releases packets and is none of them", () => {
  const targets = [fn("vr_forward", "vrouter"), fn("kfree_skbmem")];
  const others = ["ip_rcv", "kfree_skbmem", "skb_release_data", "skb_release_head_state"].map(
    (name) => fn(name),
  );
  assert.deepEqual(sampledTargets(targets, others), [
    targets[0],
    { ...targets[1], end: "releases" },
    { ...others[3], end: "releases", silent: true },
  ]);
});

Deno.test("sampledTargets() takes a function of a module for another one, whatever its name", () => {
  const targets = [fn("kfree_skbmem", "vrouter"), fn("sock_wfree", "veth")];
  assert.deepEqual(sampledTargets(targets, [fn("napi_reuse_skb", "vrouter")]), targets);
});

Deno.test("seesEnds() tells whether any function releases packets", () => {
  const targets = [fn("ip_rcv"), fn("skb_release_data")];
  assert.equal(seesEnds(sampledTargets(targets, [])), false);
  for (const name of RELEASING) {
    assert.equal(seesEnds(sampledTargets(targets, [fn(name)])), true, name);
    assert.equal(seesEnds(sampledTargets([...targets, fn(name)], [])), true, name);
  }
});

Deno.test("isSampled() is for less than all packets", () => {
  assert.equal(isSampled(1), false);
  assert.equal(isSampled(2), true);
  assert.equal(isSampled(2 ** 32 - 1), true);
});

Deno.test("sampledProgram() has another program for entries, and the same one for returns", () => {
  assert.equal(sampledProgram("vrft_session"), "vrft_session_sampled");
  assert.equal(sampledProgram("vrft_multi_entry"), "vrft_multi_entry_sampled");
  assert.equal(sampledProgram("vrft_kprobe_entry"), "vrft_kprobe_entry_sampled");
  for (const name of ["vrft_multi_return", "vrft_kprobe_exit", "vrft_kprobe_return"]) {
    assert.equal(sampledProgram(name), name);
  }
});
