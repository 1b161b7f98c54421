import assert from "node:assert/strict";
import {
  distrust,
  numberedModules,
  readSources,
  type SourceOptions,
  type SourcePaths,
} from "../../src/kernel/sources.ts";
import { BtfWriter, elfFile } from "../support/btf_writer.ts";
import { hex } from "../support/hex.ts";
import { isFailure } from "../support/failures.ts";
import { testUnless, whyNotRoot } from "../support/skip.ts";

const kernel = new BtfWriter();
kernel.func("ip_rcv", [["skb", kernel.pointer(kernel.struct("sk_buff", 232))]]);

/** BTF of a module over {@linkcode kernel}. */
function moduleBtf(struct: string): Uint8Array {
  const writer = new BtfWriter(kernel);
  writer.struct(struct, 48);
  return writer.bytes();
}

/** A system in a directory of its own, which is removed afterwards. */
async function onSystem(
  files: Record<string, Uint8Array | string>,
  test: (paths: SourcePaths, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/btf`);
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${directory}/${name}`, bytes);
    }
    await test({
      btf: `${directory}/btf`,
      vrouterBtf: `${directory}/vrouter.btf`,
      kallsyms: `${directory}/kallsyms`,
      filterFunctions: [`${directory}/tracing`, `${directory}/debug`],
    }, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const DEFAULTS = { kernelBtf: null, vrouterBtf: null, vrouter: true };

/** Fails unless reading fails with a message like `message`. */
async function rejects(reading: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(reading, isFailure("btf", message));
}

Deno.test("readSources() reads the kernel, all modules with BTF, and both lists", async () => {
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    "btf/tun": moduleBtf("tun_struct"),
    "btf/bridge": moduleBtf("net_bridge"),
    "btf/vrouter": moduleBtf("vr_packet"),
    kallsyms: "ffffffff81000000 t ip_rcv\n",
    tracing: "ip_rcv\n",
  }, async (paths) => {
    const sources = await readSources(DEFAULTS, paths);
    const names = sources.modules.map(({ module }) => module);
    assert.deepEqual(names, ["vmlinux", "bridge", "tun", "vrouter"]);
    assert.equal(sources.modules[3]?.btf.structSize("vr_packet"), 48);
    assert.equal(new TextDecoder().decode(sources.kallsyms!), "ffffffff81000000 t ip_rcv\n");
    assert.equal(new TextDecoder().decode(sources.filterFunctions!), "ip_rcv\n");
    assert.equal(sources.kernelBtf, `${paths.btf}/vmlinux`);
    assert.equal(sources.vrouterBtf, `${paths.btf}/vrouter`);
    assert.deepEqual([sources.warnings, sources.notes], [[], []]);
  });
});

Deno.test("numberedModules() takes only what the kernel itself has numbered", async () => {
  const files = {
    "btf/vmlinux": kernel.bytes(),
    "btf/bridge": moduleBtf("net_bridge"),
    "btf/vrouter": moduleBtf("vr_packet"),
    vmlinux: kernel.bytes(),
    vrouter: moduleBtf("vr_packet"),
    kallsyms: "ffffffff81000000 t ip_rcv\n",
    tracing: "ip_rcv\n",
  };
  await onSystem(files, async (paths, directory) => {
    const modules = async (options: Partial<SourceOptions>): Promise<string[]> => {
      const sources = await readSources({ ...DEFAULTS, ...options }, paths);
      return [...numberedModules(sources, paths)];
    };
    assert.deepEqual(await modules({}), ["vmlinux", "bridge", "vrouter"]);
    const vrouterBtf = `${directory}/vrouter`;
    assert.deepEqual(await modules({ vrouterBtf }), ["vmlinux", "bridge"]);
    const kernelBtf = `${directory}/vmlinux`;
    assert.deepEqual(await modules({ kernelBtf }), []);
  });
});

Deno.test("readSources() leaves vrouter alone when it is not wanted", async () => {
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    "btf/vrouter": "damaged",
  }, async (paths) => {
    const sources = await readSources({ ...DEFAULTS, vrouter: false }, paths);
    assert.deepEqual(sources.modules.map(({ module }) => module), ["vmlinux"]);
    assert.equal(sources.vrouterBtf, null);
  });
});

Deno.test("readSources() reads the files that are named instead of the defaults", async () => {
  await onSystem({
    "btf/vmlinux": "damaged",
    "btf/vrouter": "damaged",
    "other-kernel": kernel.bytes(),
    "other-vrouter": moduleBtf("vr_packet"),
  }, async (paths, directory) => {
    const kernelBtf = `${directory}/other-kernel`;
    const vrouterBtf = `${directory}/other-vrouter`;
    const sources = await readSources({ ...DEFAULTS, kernelBtf, vrouterBtf }, paths);
    assert.deepEqual(sources.modules.map(({ module }) => module), ["vmlinux", "vrouter"]);
    assert.equal(sources.kernelBtf, kernelBtf);
    assert.equal(sources.vrouterBtf, vrouterBtf);
  });
});

Deno.test("readSources() finds the tracing directory in debugfs, or warns that there is none", async () => {
  await onSystem({ "btf/vmlinux": kernel.bytes(), debug: "ip_rcv\n" }, async (paths, directory) => {
    const sources = await readSources(DEFAULTS, paths);
    assert.equal(sources.filterFunctions?.length, 7);
    assert.equal(sources.kallsyms, null);
    assert.deepEqual(sources.warnings.map((text) => text.replaceAll(directory, "")), [
      'Cannot read function addresses from "/kallsyms": No such file or directory',
    ]);
    assert.equal(sources.vrouterBtfIgnored, null);
    await Deno.remove(`${directory}/debug`);
    const without = await readSources(DEFAULTS, paths);
    assert.equal(without.filterFunctions, null);
    assert.match(
      without.warnings.join("\n"),
      /the functions that ftrace can trace.*mount -t tracefs/,
    );
  });
});

/** BTF of a module that was built for the next build of {@linkcode kernel}: all names are right. */
function moduleOfNextBuild(struct: string): Uint8Array {
  const next = new BtfWriter();
  next.pointer(0);
  next.func("ip_rcv", [["skb", next.pointer(next.struct("sk_buff", 232))]]);
  const writer = new BtfWriter(next);
  writer.func("br_forward", [["packet", writer.pointer(writer.struct(struct, 48))]]);
  return writer.bytes();
}

Deno.test("readSources() leaves out modules whose BTF it cannot use, and names them", async () => {
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    "btf/tun": "damaged",
    "btf/veth": moduleOfNextBuild("veth_priv"),
    "btf/bridge": moduleBtf("net_bridge"),
  }, async (paths) => {
    const sources = await readSources(DEFAULTS, paths);
    assert.deepEqual(sources.modules.map(({ module }) => module), ["vmlinux", "bridge"]);
    assert.deepEqual(sources.leftOut, [
      { module: "tun", reason: "Truncated: shorter than a BTF header" },
      { module: "veth", reason: "Built over the BTF of another kernel" },
    ]);
    assert.deepEqual([sources.warnings.length, sources.notes], [2, []]);
  });
});

Deno.test("readSources() rejects vrouter's BTF of another kernel, and says what to do", async () => {
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    "btf/vrouter": moduleOfNextBuild("vr_packet"),
    "module.btf": moduleOfNextBuild("vr_packet"),
    "kernel.btf": kernel.bytes(),
  }, async (paths, directory) => {
    const start =
      /^Cannot use ".*vrouter" as the BTF of vrouter: Built over the BTF of another kernel; /;
    await rejects(readSources(DEFAULTS, paths), start);
    await rejects(readSources(DEFAULTS, paths), /rebuild the module.*--vrouter-btf/);
    const vrouterBtf = `${directory}/module.btf`;
    await rejects(
      readSources({ ...DEFAULTS, vrouterBtf }, paths),
      /make it from the loaded module: pahole -J/,
    );
    const kernelBtf = `${directory}/kernel.btf`;
    await rejects(
      readSources({ ...DEFAULTS, kernelBtf }, paths),
      /kernel\.btf" must be the BTF of the kernel it was built for$/,
    );
    const without = await readSources({ ...DEFAULTS, vrouter: false }, paths);
    assert.deepEqual(without.modules.map(({ module }) => module), ["vmlinux"]);
  });
});

Deno.test("readSources() rejects a kernel without BTF, and says what to do", async () => {
  await onSystem({}, async (paths) => {
    await rejects(
      readSources(DEFAULTS, paths),
      /^Cannot read the BTF of the kernel from ".*": No such file or directory; .*--kernel-btf$/,
    );
  });
});

Deno.test("readSources() rejects files that are named and cannot be read or used", async () => {
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    text: "no BTF, but long enough to have a header",
  }, async (paths, directory) => {
    const named = (kernelBtf: string | null, vrouterBtf: string | null): Promise<unknown> =>
      readSources({ ...DEFAULTS, kernelBtf, vrouterBtf }, paths);
    await rejects(named(`${directory}/none`, null), /kernel from ".*none": No such file/);
    await rejects(named(directory, null), /it is not a regular file$/);
    await rejects(named("/dev/zero", null), /it is not a regular file$/);
    await rejects(named(`${directory}/text`, null), /text" as the BTF of the kernel: Neither BTF/);
    await rejects(named(null, `${directory}/none`), /BTF of vrouter from ".*none": No such file/);
    await rejects(named(null, `${directory}/text`), /text" as the BTF of vrouter: Neither BTF/);
  });
});

Deno.test("readSources() warns of vrouter's BTF that stands alone and is another kernel's", async () => {
  const standalone = (taskBytes: number): Uint8Array => {
    const writer = new BtfWriter();
    writer.struct("task_struct", taskBytes);
    writer.struct("vr_packet", 48);
    return writer.bytes();
  };
  const withTask = new BtfWriter();
  withTask.struct("task_struct", 9536);
  await onSystem({
    "btf/vmlinux": withTask.bytes(),
    "same.btf": standalone(9536),
    "other.btf": standalone(9792),
  }, async (paths, directory) => {
    const warned = async (name: string): Promise<boolean> => {
      const sources = await readSources({ ...DEFAULTS, vrouterBtf: `${directory}/${name}` }, paths);
      return sources.warnings.some((text) =>
        /other\.btf" was built for another kernel: its task_struct has another size/.test(text)
      );
    };
    assert.equal(await warned("same.btf"), false);
    assert.equal(await warned("other.btf"), true);
  });
});

/** What gzip makes of `bytes`. */
async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return await new Response(
    new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
}

Deno.test("readSources() reads files that gzip has packed", async () => {
  const writer = new BtfWriter(kernel);
  writer.struct("vr_packet", 48);
  await onSystem({
    "vmlinux.gz": await gzip(elfFile({ ".BTF": kernel.bytes() })),
    "vrouter.ko.gz": await gzip(elfFile({ ".BTF": writer.bytes() })),
    "cut.gz": (await gzip(kernel.bytes())).subarray(0, 40),
  }, async (paths, directory) => {
    const kernelBtf = `${directory}/vmlinux.gz`;
    const vrouterBtf = `${directory}/vrouter.ko.gz`;
    const { modules } = await readSources({ ...DEFAULTS, kernelBtf, vrouterBtf }, paths);
    assert.equal(modules[1]?.btf.structSize("vr_packet"), 48);
    await rejects(
      readSources({ ...DEFAULTS, kernelBtf: `${directory}/cut.gz` }, paths),
      /cut\.gz": it is gzip-compressed and damaged$/,
    );
  });
});

Deno.test("readSources() names a file for what it is", async () => {
  const split = new BtfWriter(kernel);
  split.struct("vr_packet", 48);
  const module = elfFile({
    ".BTF": split.bytes(),
    ".gnu.linkonce.this_module": new Uint8Array(64),
  });
  const standalone = elfFile({
    ".BTF": kernel.bytes(),
    ".gnu.linkonce.this_module": new Uint8Array(64),
  });
  const image = new Uint8Array(0x400);
  image.set(new TextEncoder().encode("HdrS"), 0x202);
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    "module.ko": module,
    "standalone.ko": standalone,
    "module.btf": split.bytes(),
    "vrouter.ko.xz": hex("fd 37 7a 58 5a 00 00 04 e6 d6 b4 46 02 00 21 01"),
    "vrouter.ko.zst": hex("28 b5 2f fd 24 00 01 00 00 99 e9 d8 51"),
    vmlinuz: image,
    "linux.deb": "!<arch>\ndebian-binary   ",
    "stripped.ko": elfFile({ ".text": new Uint8Array(8) }),
  }, async (paths, directory) => {
    const kernelFiles: Record<string, RegExp> = {
      "module.ko": /: It is a module$/,
      "standalone.ko": /: It is a module$/,
      "module.btf": /: BTF of a module, which continues that of its kernel$/,
      "vmlinuz": /: It is a compressed kernel image: unpack it first \(scripts\/extract-vmlinux/,
      "linux.deb": /: It is a package: unpack it first/,
    };
    for (const [name, message] of Object.entries(kernelFiles)) {
      const kernelBtf = `${directory}/${name}`;
      await rejects(readSources({ ...DEFAULTS, kernelBtf }, paths), message);
    }
    const vrouterFiles: Record<string, RegExp> = {
      "vrouter.ko.xz": /: It is xz-compressed: unpack it first \(xz -dk FILE\)$/,
      "vrouter.ko.zst": /: It is zstd-compressed: unpack it first \(zstd -d FILE\)$/,
      "stripped.ko": /: ELF file without a \.BTF section: pahole -J makes one/,
    };
    for (const [name, message] of Object.entries(vrouterFiles)) {
      const vrouterBtf = `${directory}/${name}`;
      await rejects(readSources({ ...DEFAULTS, vrouterBtf }, paths), message);
    }
  });
});

Deno.test("distrust() lets only regular files pass that root alone can write", () => {
  const good = { isFile: true, uid: 0, mode: 0o100644, size: 1000 };
  assert.equal(distrust(good), null);
  assert.equal(distrust({ ...good, mode: 0o100400 }), null);
  assert.match(distrust({ ...good, isFile: false }) ?? "", /regular/);
  assert.match(distrust({ ...good, uid: 1000 }) ?? "", /owned by root/);
  assert.match(distrust({ ...good, uid: null }) ?? "", /owned by root/);
  assert.match(distrust({ ...good, mode: 0o100664 }) ?? "", /others than root/);
  assert.match(distrust({ ...good, mode: 0o100646 }) ?? "", /others than root/);
  assert.match(distrust({ ...good, mode: null }) ?? "", /others than root/);
  assert.match(distrust({ ...good, size: 2 ** 40 }) ?? "", /larger/);
});

testUnless(whyNotRoot(), "readSources() takes root's BTF of vrouter from /tmp", async () => {
  for (
    const bytes of [moduleBtf("vr_packet"), await gzip(new Uint8Array(moduleBtf("vr_packet")))]
  ) {
    const files = { "btf/vmlinux": kernel.bytes(), "vrouter.btf": bytes };
    await onSystem(files, async (paths) => {
      const sources = await readSources(DEFAULTS, paths);
      assert.equal(sources.vrouterBtf, paths.vrouterBtf);
      assert.equal(sources.modules.length, 2);
    });
  }
});

Deno.test("readSources() takes no BTF of vrouter from /tmp that others than root can write", async () => {
  await onSystem({
    "btf/vmlinux": kernel.bytes(),
    "vrouter.btf": moduleBtf("vr_packet"),
  }, async (paths, directory) => {
    await Deno.chmod(paths.vrouterBtf, 0o666);
    const writable = await readSources(DEFAULTS, paths);
    assert.equal(writable.vrouterBtf, null);
    assert.match(
      writable.warnings.join("\n"),
      /Ignoring ".*vrouter\.btf": (it is writable|it is not owned)/,
    );

    await Deno.chmod(paths.vrouterBtf, 0o644);
    await Deno.rename(paths.vrouterBtf, `${directory}/target`);
    await Deno.symlink(`${directory}/target`, paths.vrouterBtf);
    const linked = await readSources(DEFAULTS, paths);
    assert.equal(linked.vrouterBtf, null);
    assert.match(linked.warnings.join("\n"), /Ignoring ".*vrouter\.btf": it is not a regular file/);
    assert.ok(linked.warnings.includes(linked.vrouterBtfIgnored!));
  });
});
