import assert from "node:assert/strict";
import { SUSPECTS } from "../../src/check/explain.ts";
import {
  causesOf,
  Failure,
  type FailureKind,
  failuresIn,
  reasonOf,
} from "../../src/sys/failure.ts";
import { SystemError } from "../../src/sys/libc.ts";

const SRC = new URL("../../src/", import.meta.url);

/** All source files by path below src/. */
function sources(directory = ""): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(new URL(directory, SRC))) {
    const path = `${directory}${name}`;
    if (isDirectory) {
      for (const [below, text] of sources(`${path}/`)) files.set(below, text);
    } else if (name.endsWith(".ts")) files.set(path, Deno.readTextFileSync(new URL(path, SRC)));
  }
  return files;
}

Deno.test("causesOf() walks to what led to an error, through an AggregateError", () => {
  const low = new SystemError("low", 12);
  const [a, b] = [new Failure("attach", "a", { cause: low }), new Failure("libbpf", "b")];
  const all = new AggregateError([a, b]);
  const top = new Failure("backend", "top", { cause: all });
  assert.deepEqual([...causesOf(top)], [top, all, a, low, b]);
  assert.deepEqual(failuresIn(top), [top, a, low, b]);
  assert.deepEqual([low.kind, low.errno, top.errno], ["system_call", 12, null]);
  assert.deepEqual([...causesOf(undefined)], []);
  assert.deepEqual([...causesOf("text")], ["text"]);
});

Deno.test("each kind of failure is thrown somewhere", () => {
  const thrown = new Set<string>();
  for (const [path, text] of sources()) {
    if (path === "sys/failure.ts" || path === "check/explain.ts") continue;
    const code = text.replaceAll(/^\s*(\/?\*|\/\/).*$/gm, "");
    // The first argument of a constructor; or the last one of check() and SystemError, or a choice.
    for (const [, kind] of code.matchAll(/(?:Failure\(|super\(|, |\? |: |= )\s*"([a-z_]+)"/g)) {
      thrown.add(kind!);
    }
    if (/kind: FailureKind = "system_call"/.test(text)) thrown.add("system_call");
  }
  const kinds = Object.keys(SUSPECTS) as FailureKind[];
  assert.deepEqual(kinds.filter((kind) => !thrown.has(kind)), []);
});

Deno.test("nothing in src decides by the words of an error", () => {
  const matching = [
    // error.message.includes(…), or its details.
    /\b(?:message|details|reason|warning)\b(?:\(\))?\??\.(?:includes|startsWith|endsWith|match|matchAll|search|indexOf)\(/,
    // PATTERN.test(error.message)
    /\.(?:test|exec)\([^()]*\b(?:message|details|stack|failure|error|reason)\b(?!\.name)/,
    /(?:errorText|strerror)\([^)]*\)\s*[!=]==?|[!=]==?\s*errorText\(/,
    /\.(?:includes|startsWith)\(errorText/,
  ];
  for (const [path, text] of sources()) {
    for (const [index, line] of text.split("\n").entries()) {
      const found = matching.some((pattern) => pattern.test(line));
      assert.ok(!found, `src/${path}:${index + 1}: ${line.trim()}`);
    }
  }
});

Deno.test("reasonOf() leaves out the number and the path that Deno appends", () => {
  assert.throws(() => Deno.openSync("/proc/none"), (error) => {
    return reasonOf(error) === "No such file or directory";
  });
  assert.equal(reasonOf(new Error("it is no ELF file")), "it is no ELF file");
  assert.equal(reasonOf("text"), "text");
});
