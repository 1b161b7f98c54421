import assert from "node:assert/strict";
import { whyNotInstalled } from "./skip.ts";

Deno.test("whyNotInstalled() finds programs in PATH, and starts none", () => {
  const directory = Deno.makeTempDirSync();
  const path = Deno.env.get("PATH") ?? "";
  try {
    Deno.env.set("PATH", `${directory}/none:${directory}`);
    const started = `${directory}/started`;
    Deno.writeTextFileSync(`${directory}/daemon`, `#!/bin/sh\n: >"${started}"\n`, { mode: 0o755 });
    Deno.writeTextFileSync(`${directory}/text`, "", { mode: 0o644 });
    Deno.mkdirSync(`${directory}/folder`);
    assert.equal(whyNotInstalled("daemon"), "");
    assert.throws(() => Deno.statSync(started), Deno.errors.NotFound);
    for (const other of ["text", "folder", "nothing"]) {
      assert.equal(whyNotInstalled(other), `there is no ${other}`);
    }
  } finally {
    Deno.env.set("PATH", path);
    Deno.removeSync(directory, { recursive: true });
  }
});
