import assert from "node:assert/strict";
import { libc } from "../../src/sys/libc.ts";

Deno.test("libc() looks a function up when it is used, and once", () => {
  const lookedUp: string[] = [];
  const dlopen = Deno.dlopen;
  Deno.dlopen = (path, symbols) => {
    lookedUp.push(...Object.keys(symbols));
    return dlopen(path, symbols);
  };
  try {
    assert.equal(libc().setns(-1, 0), -1);
    assert.equal(libc().setns(-1, 0), -1);
  } finally {
    Deno.dlopen = dlopen;
  }
  assert.deepEqual(lookedUp, ["__errno_location", "setns"]);
});
