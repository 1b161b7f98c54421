import assert from "node:assert/strict";

Deno.test("the peer's programs compile with the headers that they take from vrft's", async () => {
  const root = new URL("../../", import.meta.url);
  const { success, stderr } = await new Deno.Command("clang", {
    args: [
      ...[
        "-target",
        "bpf",
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-Werror",
      ],
      ...["-Ibpf", "-idirafter", "/usr/include/x86_64-linux-gnu", "tests/bench/peer.bpf.c"],
    ],
    cwd: root,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
