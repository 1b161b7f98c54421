import assert from "node:assert/strict";
import {
  keep,
  openProgramCache,
  type ProgramCache,
  readKept,
} from "../../src/sys/program_cache.ts";
import { testUnless, whyNotRoot } from "../support/skip.ts";

const PROGRAM = "0123abcd";

/** Keeps `text` under `name` and `key` in a new folder. */
async function kept(
  test: (cache: ProgramCache, path: string) => void | Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    const cache = { folder, program: PROGRAM };
    await keep(cache, "name", "key", "text\nof two lines");
    await test(cache, `${folder}/name`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("what was kept is read under the same key by the same program alone", async () => {
  await kept(async (cache) => {
    assert.equal(await readKept(cache, "name", "key"), "text\nof two lines");
    assert.equal(await readKept(cache, "name", "ke"), null);
    assert.equal(await readKept(cache, "name", "key2"), null);
    assert.equal(await readKept(cache, "other", "key"), null);
    assert.equal(await readKept({ ...cache, program: "0123abce" }, "name", "key"), null);
    await keep(cache, "name", "key2", "");
    assert.equal(await readKept(cache, "name", "key2"), "");
    assert.equal(await readKept(cache, "name", "key"), null);
    assert.deepEqual([...Deno.readDirSync(cache.folder)].map(({ name }) => name), ["name"]);
  });
});

Deno.test("what was kept is not read with any byte changed or missing, and replaced", async () => {
  await kept(async (cache, path) => {
    const bytes = Deno.readFileSync(path);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      Deno.writeFileSync(path, damaged);
      assert.equal(await readKept(cache, "name", "key"), null, `byte ${at}`);
      Deno.writeFileSync(path, bytes.subarray(0, at));
      assert.equal(await readKept(cache, "name", "key"), null, `${at} bytes`);
    }
    await keep(cache, "name", "key", "new");
    assert.equal(await readKept(cache, "name", "key"), "new");
  });
});

Deno.test("what was kept is not read if others may change it, or through a link", async () => {
  await kept(async (cache, path) => {
    const usable = async (): Promise<boolean> => await readKept(cache, "name", "key") !== null;
    for (const mode of [0o660, 0o602, 0o640, 0o604, 0o700]) {
      Deno.chmodSync(path, mode);
      assert.equal(await usable(), false, mode.toString(8));
    }
    Deno.chmodSync(path, 0o600);
    assert.equal(await usable(), true);
    Deno.renameSync(path, `${path}.target`);
    Deno.symlinkSync(`${path}.target`, path);
    assert.equal(await usable(), false, "a link");
    Deno.removeSync(path);
    Deno.mkdirSync(path, { mode: 0o600 });
    assert.equal(await usable(), false, "a folder");
  });
});

testUnless(whyNotRoot(), "what was kept is not read if it belongs to another user", async () => {
  await kept(async (cache, path) => {
    Deno.chownSync(path, 65534, 65534);
    assert.equal(await readKept(cache, "name", "key"), null);
  });
});

Deno.test("keep() goes on after a process that was killed, and says why it cannot write", async () => {
  await kept(async (cache, path) => {
    Deno.writeTextFileSync(`${path}.new`, "half");
    await keep(cache, "name", "key", "whole");
    assert.equal(await readKept(cache, "name", "key"), "whole");
    const nowhere = { ...cache, folder: `${cache.folder}/none` };
    await assert.rejects(keep(nowhere, "name", "key", ""), Deno.errors.NotFound);
    // A folder that cannot be replaced.
    Deno.removeSync(path);
    Deno.mkdirSync(`${path}/in/it`, { recursive: true });
    await assert.rejects(keep(cache, "name", "key", "whole"));
    assert.deepEqual([...Deno.readDirSync(cache.folder)].map(({ name }) => name), ["name"]);
  });
});

Deno.test("there is no cache without the launcher", () => {
  assert.equal(openProgramCache(), null);
});
