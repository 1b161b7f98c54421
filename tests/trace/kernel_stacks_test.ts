import assert from "node:assert/strict";
import { KernelStacks, regionOf } from "../../src/trace/kernel_stacks.ts";

const INTERRUPT = regionOf(0x1c04000);
const TASK = regionOf(0xa0000000);

Deno.test("regionOf() gives one number to 16 KiB, whatever the sign of the address", () => {
  assert.equal(regionOf(0xfffffff8), regionOf(0xffffc000));
  assert.equal(regionOf(0xfffffff8 | 0), 0x3ffff);
  assert.notEqual(regionOf(0x4000), regionOf(0x3fff));
});

Deno.test("KernelStacks knows a task's stack once two tasks have taken turns on the interrupt stack", () => {
  const stacks = new KernelStacks();
  const known: boolean[] = [];
  for (const key of [1, 1, 2, 2, 1]) {
    known.push(stacks.isTask(TASK, 0));
    stacks.use(INTERRUPT, key, 0);
  }
  known.push(stacks.isTask(TASK, 0));
  assert.deepEqual(known, [false, false, false, false, false, true]);
  assert.ok(!stacks.isTask(INTERRUPT, 0));
});

Deno.test("KernelStacks does not take a stack for an interrupt's that one task after another has had", () => {
  const stacks = new KernelStacks();
  for (const key of [1, 2, 3, 4]) stacks.use(TASK, key, 0);
  assert.ok(!stacks.isTask(TASK + 4, 0));
});

Deno.test("KernelStacks says nothing of the regions beside an interrupt stack's, it may go on there", () => {
  const stacks = new KernelStacks();
  for (const key of [1, 2, 1]) stacks.use(INTERRUPT, key, 0);
  const around = [-2, -1, 0, 1, 2].map((distance) => stacks.isTask(INTERRUPT + distance, 0));
  assert.deepEqual(around, [true, false, false, false, true]);
});

Deno.test("KernelStacks knows each CPU's own interrupt stack", () => {
  const stacks = new KernelStacks();
  for (const key of [1, 2, 1]) stacks.use(INTERRUPT, key, 0);
  assert.ok(!stacks.isTask(TASK, 1));
  // Two interrupt stacks may share a region, as they are aligned to pages only.
  stacks.use(INTERRUPT, 3, 1);
  assert.ok(stacks.isTask(TASK, 1));
});
