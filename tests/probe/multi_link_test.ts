import assert from "node:assert/strict";
import type { Target } from "../../src/probe/target.ts";
import { linkFunctions } from "../../src/probe/backends/multi_link.ts";
import type { createMultiLink } from "../../src/probe/bpf_syscall.ts";
import { FileDescriptor } from "../../src/probe/bpf_syscall.ts";
import { cookieOf } from "../../src/probe/layout.ts";
import { SystemError } from "../../src/sys/libc.ts";

const EINVAL = 22;
const ENOMEM = 12;

function targets(count: number): Target[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `f${index}`,
    module: "vmlinux",
    struct: "sk_buff",
    position: 1,
    argument: 1,
    indirection: 1,
    address: BigInt(1000 + index),
  }));
}

/** A kernel that knows which addresses it takes, and how many at once. */
class Kernel {
  readonly links: bigint[][] = [];
  calls = 0;

  constructor(readonly refused: ReadonlySet<bigint>, readonly most = Infinity) {}

  readonly create: typeof createMultiLink = (_program, _type, _flags, { addresses, cookies }) => {
    this.calls++;
    assert.equal(addresses.length, cookies.length);
    for (const [at, address] of addresses.entries()) {
      const index = Number(address) - 1000;
      assert.equal(cookies[at], cookieOf(targets(index + 1)[index]!, index));
    }
    if (addresses.length > this.most) throw new SystemError("Cannot attach", ENOMEM);
    if (addresses.some((one) => this.refused.has(one))) {
      throw new SystemError("Cannot attach", EINVAL);
    }
    this.links.push([...addresses]);
    return new FileDescriptor(-1);
  };
}

function link(count: number, kernel: Kernel): ReturnType<typeof linkFunctions> {
  const all = targets(count);
  return linkFunctions(3, 56, 0, all, [...all.keys()], kernel.create);
}

Deno.test("linkFunctions() takes one link where the kernel refuses nothing", () => {
  const kernel = new Kernel(new Set());
  const { links, linked, refused } = link(1000, kernel);
  assert.deepEqual([links.length, linked.length, refused.length], [1, 1000, 0]);
});

Deno.test("linkFunctions() leaves out the functions at fault and links all others once", () => {
  const kernel = new Kernel(new Set([1003n, 1500n, 1501n]));
  const { linked, refused } = link(1000, kernel);
  assert.deepEqual(refused.map(({ name }) => name), ["f3", "f500", "f501"]);
  assert.match(refused[0]!.reason, /^refused by the kernel: Cannot attach: Invalid argument$/);
  assert.equal(linked.length, 997);
  assert.equal(new Set(kernel.links.flat()).size, 997);
  // A search by halves, not one by one.
  assert.ok(kernel.calls < 3 * 2 * 11, `${kernel.calls} calls`);
});

Deno.test("linkFunctions() makes smaller links where memory is short for a large one", () => {
  const kernel = new Kernel(new Set(), 300);
  const { linked, refused } = link(1000, kernel);
  assert.deepEqual([kernel.links.length, linked.length, refused.length], [4, 1000, 0]);
});

Deno.test("linkFunctions() fails where the kernel refuses every function", () => {
  const kernel = new Kernel(new Set(targets(100).map(({ address }) => address)));
  assert.throws(() => link(100, kernel), SystemError);
});

Deno.test("linkFunctions() leaves out the functions whose packet is on the stack", () => {
  const kernel = new Kernel(new Set());
  const all = targets(10).map((fn, index) => index < 8 ? fn : { ...fn, position: 9, argument: 9 });
  const some = linkFunctions(3, 56, 0, all, [...all.keys()], kernel.create);
  assert.deepEqual([some.linked.length, kernel.links.flat().length], [8, 8]);
  assert.deepEqual(some.refused.map(({ name }) => name), ["f8", "f9"]);
  assert.match(some.refused[0]!.reason, /^parameter 9 arrives on the stack, .*trampolines/);
  const none = linkFunctions(3, 56, 0, all, [8, 9], kernel.create);
  assert.deepEqual([none.links.length, none.refused.length], [0, 2]);
});

Deno.test("linkFunctions() does not give up where only the first functions are refused", () => {
  const kernel = new Kernel(new Set(targets(20).map(({ address }) => address)));
  const { linked, refused } = link(1000, kernel);
  assert.deepEqual([linked.length, refused.length], [980, 20]);
});
