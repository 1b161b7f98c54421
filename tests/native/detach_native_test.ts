import assert from "node:assert/strict";
import { FileDescriptor } from "../../src/probe/bpf_syscall.ts";
import { detach, untilDetached } from "../../src/probe/detach.ts";
import { DetachedMount } from "../../src/sys/detached_mount.ts";
import { addressOf, check, cString, libc } from "../../src/sys/libc.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest, loadIdleProgram } from "../support/bpf.ts";
import { openDescriptors } from "../support/descriptors.ts";

const SYS_BPF = 321n; // x86-64
const BPF_OBJ_GET_INFO_BY_FD = 15n;
const BPF_RAW_TRACEPOINT_OPEN = 17n;
const BPF_LINK_GET_FD_BY_ID = 30n;

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

function bpf(command: bigint, attributes: Uint8Array<ArrayBuffer>): number {
  const bytes = BigInt(attributes.length);
  return Number(libc().syscall(SYS_BPF, command, addressOf(attributes), bytes, 0n, 0n, 0n));
}

/** Links of a program that does nothing, at a tracepoint; and their ids. */
function links(count: number): { all: FileDescriptor[]; ids: number[]; program: FileDescriptor } {
  const program = loadIdleProgram(BPF_PROG_TYPE_RAW_TRACEPOINT);
  const name = cString("sys_enter");
  const open = new Uint8Array(16);
  const view = new DataView(open.buffer);
  view.setBigUint64(0, addressOf(name), true);
  view.setUint32(8, program.number, true);
  const all = Array.from(
    { length: count },
    () => new FileDescriptor(check("Cannot attach", bpf(BPF_RAW_TRACEPOINT_OPEN, open))),
  );
  return { all, ids: all.map(({ number }) => linkId(number)), program };
}

function linkId(fd: number): number {
  const info = new Uint8Array(64);
  const attributes = new Uint8Array(16);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, fd, true);
  view.setUint32(4, info.length, true);
  view.setBigUint64(8, addressOf(info), true);
  check("Cannot look at a link", bpf(BPF_OBJ_GET_INFO_BY_FD, attributes));
  return new DataView(info.buffer).getUint32(4, true);
}

function isThere(id: number): boolean {
  const attributes = new Uint8Array(16);
  new DataView(attributes.buffer).setUint32(0, id, true);
  const fd = bpf(BPF_LINK_GET_FD_BY_ID, attributes);
  if (fd < 0) return false;
  libc().close(fd);
  return true;
}

/** A clock that advances by this whenever it is read. */
function clock(ms: number): () => number {
  let time = 0;
  return () => time += ms;
}

test("detach() closes links that the kernel removes fast", () => {
  const before = openDescriptors("anon_inode:");
  const { all, ids, program } = links(5);
  const said: string[] = [];
  detach(all, [program], (message) => said.push(message), clock(1));
  program[Symbol.dispose]();
  assert.deepEqual(ids.filter(isThere), []);
  assert.deepEqual(said, []);
  assert.equal(openDescriptors("anon_inode:"), before);
});

test("detach() leaves links to the kernel that take long, and untilDetached() waits for it", async () => {
  const before = openDescriptors("anon_inode:");
  const { all, ids, program } = links(5);
  const said: string[] = [];
  detach(all, [program], (message) => said.push(message), clock(200));
  let gone = false;
  const wait = untilDetached(new AbortController().signal, () => {}).then(() => gone = true);
  // The program is still held here.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(gone, false);
  program[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before);
  await wait;
  assert.deepEqual(ids.filter(isThere), []);
  assert.deepEqual(said, ["The kernel detaches what is left by itself: 3 links"]);
});

test("untilDetached() does not wait once the user has no patience", async () => {
  const { all, program } = links(5);
  using _ = program;
  detach(all, [program], () => {}, clock(200));
  const said: string[] = [];
  await untilDetached(AbortSignal.abort(), (message) => said.push(message));
  assert.deepEqual(said, ["The kernel goes on detaching probes: 1"]);
});

test("detach() closes all links if one cannot be left to the kernel", async () => {
  const before = openDescriptors("anon_inode:");
  const { all, ids, program } = links(4);
  const file = new FileDescriptor(libc().open(cString("/dev/null"), 0, 0));
  const said: string[] = [];
  detach([file, ...all], [program], (message) => said.push(message), clock(200));
  assert.match(said.join("\n"), /^Detaches all probes before it ends: Cannot pin a BPF object: \w/);
  assert.throws(() => file.number, ReferenceError);
  assert.deepEqual(ids.filter(isThere), []);
  // There is nothing to wait for, although the program is still there.
  await untilDetached(new AbortController().signal, assert.fail);
  program[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before);
});

test("DetachedMount is a file system of its own, with what is in it, until it is disposed", () => {
  const before = openDescriptors("anon_inode:");
  let path;
  {
    using files = new DetachedMount("tmpfs");
    path = files.path("file");
    Deno.writeTextFileSync(path, "text");
    using others = new DetachedMount("tmpfs");
    assert.throws(() => Deno.statSync(others.path("file")), Deno.errors.NotFound);
    assert.equal(Deno.readTextFileSync(path), "text");
    assert.ok(!Deno.readTextFileSync("/proc/self/mounts").includes("/proc/self/fd"));
  }
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  assert.throws(
    () => new DetachedMount("vrft-none"),
    /^SystemError: .*type vrft-none: No such device$/,
  );
  assert.equal(openDescriptors("anon_inode:"), before);
});
