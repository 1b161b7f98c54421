import assert from "node:assert/strict";
import { UnknownEnds } from "../../src/kernel/exits.ts";
import { Kcore } from "../../src/kernel/kcore.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { hex } from "../support/hex.ts";
import { isFailure } from "../support/failures.ts";
import { assertDisposed } from "../support/disposal.ts";
import { testUnless } from "../support/skip.ts";

/** A program header of the core file. */
interface Segment {
  readonly address: bigint;
  readonly offset: bigint;
  readonly bytes: number;
  /** PT_LOAD unless given. */
  readonly type?: number;
}

/** Where the kernel's text starts, and its low half. */
const TEXT = 0xffffffff81000000n;
const LOW = 0x81000000;

/** An ELF core file of these segments, without their contents. */
function coreHeader(segments: readonly Segment[]): Uint8Array {
  const bytes = new Uint8Array(64 + 56 * segments.length);
  const view = new DataView(bytes.buffer);
  bytes.set(hex("7f 45 4c 46 02 01 01"));
  view.setUint16(16, 4, true); // e_type: ET_CORE
  view.setBigUint64(32, 64n, true); // e_phoff
  view.setUint16(54, 56, true); // e_phentsize
  view.setUint16(56, segments.length, true); // e_phnum
  segments.forEach(({ address, offset, bytes, type = 1 }, index) => {
    const at = 64 + 56 * index;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, offset, true);
    view.setBigUint64(at + 16, address, true);
    view.setBigUint64(at + 32, BigInt(bytes), true);
    view.setBigUint64(at + 40, BigInt(bytes), true);
  });
  return bytes;
}

/** A directory with the files that Kcore reads. */
class Files implements Disposable {
  readonly directory: string;
  readonly paths: { readonly kcore: string; readonly kprobes: string };

  constructor(kprobes = "", parent?: string) {
    const dir = parent === undefined ? {} : { dir: parent };
    this.directory = Deno.makeTempDirSync({ prefix: "vrft-kcore-", ...dir });
    this.paths = { kcore: `${this.directory}/kcore`, kprobes: `${this.directory}/list` };
    Deno.writeTextFileSync(this.paths.kprobes, kprobes);
  }

  /** Writes bytes from a page's start on, which an offset of any size can name. */
  write(page: bigint, bytes: Uint8Array): void {
    using file = Deno.openSync(this.paths.kcore, { write: true, create: true });
    file.seekSync(page, Deno.SeekMode.Start);
    assert.equal(file.writeSync(bytes), bytes.length);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** A core file whose text is the bytes 0, 1, 2 … */
function countingText(kprobes = ""): Files {
  const files = new Files(kprobes);
  files.write(0n, coreHeader([{ address: TEXT, offset: 0x2000n, bytes: 0x2000 }]));
  files.write(0x2000n, Uint8Array.from({ length: 0x2000 }, (_, index) => index & 0xff));
  return files;
}

/** Why text cannot be read. */
function reasonFor(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof UnknownEnds) return error.message;
    throw error;
  }
  assert.fail("It could be read");
}

Deno.test("Kcore reads text by the low half of its address", () => {
  using files = countingText();
  using kcore = new Kcore(files.paths);
  assert.deepEqual([...kcore.read(LOW, 3)], [0, 1, 2]);
  assert.deepEqual([...kcore.read(LOW + 0x1001, 4)], [1, 2, 3, 4]);
  // Across pages, up to the last byte.
  assert.equal(kcore.read(LOW + 5, 0x1ffb).at(-1), 0xff);
});

Deno.test("Kcore finds the segment that text lies in", () => {
  using files = new Files();
  files.write(
    0n,
    coreHeader([
      { address: TEXT, offset: 0x1000n, bytes: 0x1000, type: 4 }, // PT_NOTE
      { address: 0xffff888081000000n, offset: 0x1000n, bytes: 0x1000 },
      { address: 0xffffffffc0000000n, offset: 0x3000n, bytes: 0x1000 },
      { address: TEXT, offset: 0x2000n, bytes: 0x1000 },
    ]),
  );
  files.write(0x1000n, new Uint8Array(0x1000).fill(0xaa));
  files.write(0x2000n, new Uint8Array(0x1000).fill(0xbb));
  files.write(0x3000n, new Uint8Array(0x1000).fill(0xcc));
  using kcore = new Kcore(files.paths);
  assert.equal(kcore.read(LOW + 8, 1)[0], 0xbb);
  assert.equal(kcore.read(0xc0000008, 1)[0], 0xcc);
});

Deno.test("Kcore does not read beyond a segment, or where there is none", () => {
  using files = countingText();
  using kcore = new Kcore(files.paths);
  const outside = "its code is not in /proc/kcore";
  assert.equal(reasonFor(() => kcore.read(LOW + 0x1fff, 2)), outside);
  assert.equal(reasonFor(() => kcore.read(LOW - 1, 1)), outside);
  assert.equal(reasonFor(() => kcore.read(0xc0000000, 1)), outside);
});

Deno.test("Kcore says that text cannot be read where the file has a hole", () => {
  using files = new Files();
  files.write(0n, coreHeader([{ address: TEXT, offset: 0x2000n, bytes: 0x2000 }]));
  files.write(0x2000n, new Uint8Array(16));
  using kcore = new Kcore(files.paths);
  assert.equal(kcore.read(LOW, 16).length, 16);
  assert.equal(reasonFor(() => kcore.read(LOW, 17)), "its code cannot be read");
  assert.equal(reasonFor(() => kcore.read(LOW + 0x1800, 1)), "its code cannot be read");
});

/**
 * With 5-level page tables the kernel's text stands at such an offset. Only tmpfs has files that
 * long.
 */
const FAR = 0x00ef_ffff_8100_0000n;
const TMPFS = "/dev/shm";

function whyNoFarFile(): string {
  try {
    using files = new Files("", TMPFS);
    files.write(FAR, new Uint8Array(1));
    return "";
  } catch (error) {
    return `${TMPFS}: ${(error as Error).message}`;
  }
}

testUnless(whyNoFarFile(), "Kcore reads the very bytes at offsets beyond 2^53", () => {
  using files = new Files("", TMPFS);
  files.write(0n, coreHeader([{ address: TEXT, offset: FAR, bytes: 0x2000 }]));
  files.write(FAR, Uint8Array.from({ length: 0x2000 }, (_, index) => index % 251));
  using kcore = new Kcore(files.paths);
  for (const at of [0, 1, 3, 0xfff, 0x1000, 0x1235]) {
    assert.deepEqual([...kcore.read(LOW + at, 2)], [at % 251, (at + 1) % 251], `at ${at}`);
  }
});

Deno.test("Kcore leaves functions alone that a probe has changed", () => {
  using files = countingText(
    "ffffffff81000010  k  ip_rcv+0x10\n" +
      "ffffffff81000100  r  ip_output+0x0    [FTRACE]\n" +
      "ffffffff81000200  k  tcp_v4_rcv+0x5    [DISABLED]\n",
  );
  using kcore = new Kcore(files.paths);
  const probed = "it is already being probed";
  assert.equal(reasonFor(() => kcore.read(LOW, 0x11)), probed);
  assert.equal(reasonFor(() => kcore.read(LOW + 0x10, 1)), probed);
  assert.equal(reasonFor(() => kcore.read(LOW + 0x1f0, 0x20)), probed);
  assert.equal(kcore.read(LOW, 0x10).length, 0x10);
  assert.equal(kcore.read(LOW + 0x11, 0x1ef).length, 0x1ef);
});

Deno.test("Kcore fails when one of its files cannot be read, or is no core file", () => {
  using files = countingText();
  const before = openDescriptors(files.directory);
  const { kcore, kprobes } = files.paths;
  const fails = (paths: typeof files.paths, message: RegExp): void =>
    assert.throws(
      () => new Kcore(paths),
      (error) => isFailure("kcore", message)(error) && (error as Error).cause !== undefined,
    );
  fails({ kcore, kprobes: `${kprobes}.none` }, /^Cannot read \/.*\/list\.none: No such file/);
  fails({ kcore: `${kcore}.none`, kprobes }, /^Cannot read \/.*\/kcore\.none: No such file/);
  fails({ kcore: kprobes, kprobes }, /^Cannot read \/.*\/list: it is not an ELF file$/);
  assert.equal(openDescriptors(files.directory), before);
});

Deno.test("Kcore closes its file on dispose", () => {
  using files = countingText();
  const before = openDescriptors(files.directory);
  {
    using _kcore = new Kcore(files.paths);
    assert.equal(openDescriptors(files.directory), before + 1);
  }
  assert.equal(openDescriptors(files.directory), before);
});

Deno.test("Kcore is closed once, and reads nothing after that", () => {
  using files = countingText();
  const kcore = new Kcore(files.paths);
  kcore[Symbol.dispose]();
  kcore[Symbol.dispose]();
  assertDisposed(() => kcore.read(LOW, 1));
});
