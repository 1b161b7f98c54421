import assert from "node:assert/strict";
import {
  configPaths,
  parseKernelConfig,
  readKernelConfig,
} from "../../src/kernel/kernel_config.ts";

const CONFIG = `\
#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 6.12.1 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc (Debian 12.2.0-14) 12.2.0 # not a comment"
CONFIG_BPF=y
CONFIG_VETH=m
CONFIG_HZ=250
# CONFIG_FPROBE is not set

CONFIG_EMPTY=""
`;

Deno.test("parseKernelConfig() knows values, and leaves out what is not set", () => {
  assert.deepEqual([...parseKernelConfig(CONFIG)], [
    ["CONFIG_CC_VERSION_TEXT", '"gcc (Debian 12.2.0-14) 12.2.0 # not a comment"'],
    ["CONFIG_BPF", "y"],
    ["CONFIG_VETH", "m"],
    ["CONFIG_HZ", "250"],
    ["CONFIG_EMPTY", '""'],
  ]);
});

Deno.test("parseKernelConfig() takes lines that end with a carriage return, and none of another form", () => {
  const text = "CONFIG_A=y\r\n CONFIG_B=y\nXCONFIG_C=y\nCONFIG_D\n#CONFIG_E=y\n";
  assert.deepEqual([...parseKernelConfig(text)], [["CONFIG_A", "y"]]);
});

Deno.test("configPaths() begins with the kernel's own copy and names the release in the others", () => {
  assert.deepEqual(configPaths("6.1.0-56"), [
    "/proc/config.gz",
    "/boot/config-6.1.0-56",
    "/lib/modules/6.1.0-56/config",
    "/usr/lib/modules/6.1.0-56/config",
  ]);
});

/** Three places in a directory of their own, the first packed; only those in `contents` are there. */
async function withPlaces(
  contents: { gz?: string | Uint8Array<ArrayBuffer>; boot?: string; modules?: string },
  use: (paths: [gz: string, boot: string, modules: string]) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vrft-config-" });
  try {
    const paths: [string, string, string] = [
      `${directory}/config.gz`,
      `${directory}/boot`,
      `${directory}/modules`,
    ];
    if (contents.gz !== undefined) {
      const bytes = typeof contents.gz === "string" ? await pack(contents.gz) : contents.gz;
      await Deno.writeFile(paths[0], bytes);
    }
    if (contents.boot !== undefined) await Deno.writeTextFile(paths[1], contents.boot);
    if (contents.modules !== undefined) await Deno.writeTextFile(paths[2], contents.modules);
    await use(paths);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function pack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

Deno.test("readKernelConfig() takes the first place that there is, and unpacks what is packed", async () => {
  const all = { gz: "CONFIG_A=1\n", boot: "CONFIG_A=2\n", modules: "CONFIG_A=3\n" };
  for (
    const [contents, index, value] of [
      [all, 0, "1"],
      [{ boot: all.boot, modules: all.modules }, 1, "2"],
      [{ modules: all.modules }, 2, "3"],
    ] as const
  ) {
    await withPlaces(contents, async (paths) => {
      const config = await readKernelConfig(paths);
      assert.equal(config?.path, paths[index]);
      assert.deepEqual([...config?.options ?? []], [["CONFIG_A", value]]);
    });
  }
});

Deno.test("readKernelConfig() passes over files that are damaged, empty or no configuration", async () => {
  const whole = await pack(CONFIG);
  for (const gz of [whole.slice(0, 40), new Uint8Array(), new Uint8Array([1, 2, 3])]) {
    await withPlaces({ gz, boot: "Welcome to GRUB\n", modules: CONFIG }, async (paths) => {
      assert.equal((await readKernelConfig(paths))?.path, paths[2]);
    });
  }
});

Deno.test("readKernelConfig() finds nothing where there is nothing", async () => {
  await withPlaces({}, async (paths) => {
    assert.equal(await readKernelConfig(paths), null);
  });
});
