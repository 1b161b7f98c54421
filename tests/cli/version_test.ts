import assert from "node:assert/strict";
import { type BuildInfo, versionText } from "../../src/version.ts";
import { builtInfo } from "../support/built_object.ts";

const ROOT = new URL("../../", import.meta.url);

const INFO: BuildInfo = {
  version: "1.2.3",
  commit: "0123456789ab",
  libraries: {
    libbpf: "4.5.6",
    libelf: "0.99",
    zlib: "7.8.9",
    libgcc: "10.11.12",
    libpcap: "13.14",
  },
};

Deno.test("versionText() has four lines: version, commit, runtime, libraries", () => {
  assert.equal(
    versionText(INFO, "launcher", "2.9.6"),
    `vrft 1.2.3
commit 0123456789ab
runtime Deno 2.9.6 (launcher)
libbpf 4.5.6, libelf 0.99, zlib 7.8.9, libpcap 13.14
`,
  );
});

Deno.test("the build's information has the version of deno.json, and the commit or that it is unknown", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { version, commit, libraries } = builtInfo();
  assert.equal(version, config.version);
  assert.match(commit, /^([0-9a-f]{12}(-dirty)?|unknown)$/);
  for (const [name, version] of Object.entries(libraries)) {
    assert.match(version, /^\d+(\.\d+)+$/, name);
  }
});

for (const [file, extension] of [["src/main.ts", "ts"], ["build/vrft", "js"]]) {
  // Without permissions nothing can be loaded, for one thing.
  Deno.test(`${file} --version tells the build, and needs no permission`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--no-check",
        `--ext=${extension}`,
        file!,
        "--version",
      ],
      cwd: ROOT,
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(
      new TextDecoder().decode(stdout),
      versionText(builtInfo(), "deno", Deno.version.deno),
    );
    assert.equal(code, 0);
  });
}
