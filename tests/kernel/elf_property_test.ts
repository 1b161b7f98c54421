import assert from "node:assert/strict";
import { ElfError, elfSection } from "../../src/kernel/elf.ts";
import { elfFile } from "../support/btf_writer.ts";
import { builtObject } from "../support/built_object.ts";
import { attack } from "../support/hostile.ts";

Deno.test("elfSection() finds a section of a damaged file or rejects the file", () => {
  const sections = { ".text": new Uint8Array(7), ".BTF": new Uint8Array(24) };
  const object = builtObject("kprobe");
  // The header and the table of sections, which a whole object hardly ever has damaged.
  const table = Number(new DataView(object.buffer).getBigUint64(40, true));
  const small = elfFile(sections);
  attack({
    title: "ELF",
    seed: 0xe1f,
    runs: 5_000,
    originals: [small, small, object.subarray(table - 256)],
    use: (bytes, original) => {
      let file = bytes;
      if (original === 2) {
        file = object.slice();
        file.set(bytes.subarray(0, file.length - table + 256), table - 256);
      }
      for (const name of [".BTF", ".BTF.base", ""]) {
        const section = elfSection(file, name);
        if (section === undefined || section.length === 0) continue;
        assert.equal(section.buffer, file.buffer);
        assert.ok(section.byteOffset + section.length <= file.length);
      }
    },
    rejects: (error) => error instanceof ElfError,
  });
});
