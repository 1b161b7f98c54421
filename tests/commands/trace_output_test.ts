import assert from "node:assert/strict";
import { openOutput } from "../../src/commands/trace_output.ts";
import { openDescriptors } from "../support/descriptors.ts";

Deno.test("a file for the trace is closed once", () => {
  const path = Deno.makeTempFileSync({ prefix: "vrft-output-" });
  try {
    const output = openOutput(path);
    output.sink.writeSync(new TextEncoder().encode("rows\n"));
    output[Symbol.dispose]();
    output[Symbol.dispose]();
    assert.equal(openDescriptors(path), 0);
    assert.equal(Deno.readTextFileSync(path), "rows\n");
    assert.throws(() => output.sink.writeSync(new Uint8Array(1)));
  } finally {
    Deno.removeSync(path);
  }
});
