import assert from "node:assert/strict";
import { UnknownEnds } from "../../src/kernel/exits.ts";
import { Kcore } from "../../src/kernel/kcore.ts";
import { Failure } from "../../src/sys/failure.ts";
import { attack } from "../support/hostile.ts";

/** An ELF core file with 256 bytes of text at 0xffffffff81000000. */
function coreFile(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(64 + 2 * 56 + 256);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(32, 64n, true); // e_phoff
  view.setUint16(54, 56, true); // e_phentsize
  view.setUint16(56, 2, true); // e_phnum
  view.setUint32(64, 4, true); // PT_NOTE
  view.setUint32(120, 1, true); // PT_LOAD
  view.setBigUint64(120 + 8, 176n, true);
  view.setBigUint64(120 + 16, 0xffffffff81000000n, true);
  view.setBigUint64(120 + 32, 256n, true);
  view.setBigUint64(120 + 40, 256n, true);
  return bytes;
}

const PROBES = "ffffffff81000010  k  ip_rcv+0x10    \nffffffff81000080  r  vm_rx+0x0    [FTRACE]\n";

Deno.test("Kcore reads a damaged core file and list of probes, or rejects them", () => {
  const directory = Deno.makeTempDirSync({ prefix: "vrft-kcore-" });
  const paths = { kcore: `${directory}/kcore`, kprobes: `${directory}/list` };
  try {
    attack({
      title: "core file",
      seed: 0xc0e,
      runs: 500,
      originals: [coreFile(), new TextEncoder().encode(PROBES)],
      use: (bytes, original) => {
        Deno.writeFileSync(paths.kcore, original === 0 ? bytes : coreFile());
        Deno.writeFileSync(paths.kprobes, original === 1 ? bytes : new Uint8Array());
        using kcore = new Kcore(paths);
        for (const low of [0x81000000, 0x810000f8, 0]) {
          try {
            assert.equal(kcore.read(low, 8).length, 8);
          } catch (error) {
            if (!(error instanceof UnknownEnds)) throw error;
          }
        }
      },
      rejects: (error) => error instanceof Failure,
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
