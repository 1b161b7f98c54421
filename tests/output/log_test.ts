import assert from "node:assert/strict";
import { Log } from "../../src/output/log.ts";
import { MessageList } from "../support/message_list.ts";

const now = (): Date => new Date(2026, 10, 22, 8, 2, 5);

Deno.test("info() writes a line with the local time, as Go's log package does", () => {
  const messages = new MessageList();
  new Log({ messages, now }).info("BTF is enabled");
  assert.equal(messages.text, "2026/11/22 08:02:05 BTF is enabled\n");
});

Deno.test("info() writes each line of a message as one of the log's", () => {
  const messages = new MessageList();
  new Log({ messages, now }).info("libbpf: one\nlibbpf: two\n");
  assert.equal(messages.text, "2026/11/22 08:02:05 libbpf: one\n2026/11/22 08:02:05 libbpf: two\n");
});

Deno.test("info() writes names so that a terminal does not act on them", () => {
  const messages = new MessageList();
  new Log({ messages, now }).info("Device tap\x1b[2J\r");
  assert.equal(messages.text, "2026/11/22 08:02:05 Device tap\\x1b[2J\\x0d\n");
});

Deno.test("debug() writes only when it was asked for", () => {
  const messages = new MessageList();
  new Log({ messages, now }).debug("hidden");
  new Log({ messages, now, debug: true }).debug("shown");
  assert.equal(messages.text, "2026/11/22 08:02:05 shown\n");
});
