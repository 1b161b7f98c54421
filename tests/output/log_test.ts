import assert from "node:assert/strict";
import { Log } from "../../src/output/log.ts";
import { ByteList } from "../support/byte_list.ts";

const now = (): Date => new Date(2026, 10, 22, 8, 2, 5);

Deno.test("info() writes a line with the local time, as Go's log package does", () => {
  const bytes = new ByteList({ most: 5 });
  new Log({ sink: bytes, now }).info("BTF is enabled");
  assert.equal(bytes.text, "2026/11/22 08:02:05 BTF is enabled\n");
});

Deno.test("info() writes each line of a message as one of the log's", () => {
  const bytes = new ByteList();
  new Log({ sink: bytes, now }).info("libbpf: one\nlibbpf: two\n");
  assert.equal(bytes.text, "2026/11/22 08:02:05 libbpf: one\n2026/11/22 08:02:05 libbpf: two\n");
});

Deno.test("info() writes names so that a terminal does not act on them", () => {
  const bytes = new ByteList();
  new Log({ sink: bytes, now }).info("Device tap\x1b[2J\r");
  assert.equal(bytes.text, "2026/11/22 08:02:05 Device tap\\x1b[2J\\x0d\n");
});

Deno.test("debug() writes only when it was asked for", () => {
  const bytes = new ByteList();
  new Log({ sink: bytes, now }).debug("hidden");
  new Log({ sink: bytes, now, debug: true }).debug("shown");
  assert.equal(bytes.text, "2026/11/22 08:02:05 shown\n");
});

Deno.test("Log goes on when standard error is broken", () => {
  const bytes = new ByteList({
    before: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  new Log({ sink: bytes, now }).info("nobody reads this");
  assert.equal(bytes.text, "");
});
