import assert from "node:assert/strict";
import { printable, printableJson, printableJsonLine } from "../../src/sys/printable.ts";

Deno.test("printable() leaves ordinary text alone", () => {
  for (const text of ["", "tap-1.100", "naïve", "日本", "back\\slash", "🙂"]) {
    assert.equal(printable(text), text);
  }
});

Deno.test("printable() escapes every control character of C0, DEL and C1", () => {
  for (let code = 0; code < 0xa0; code++) {
    if (code >= 0x20 && code < 0x7f) continue;
    const expected = `\\x${code.toString(16).padStart(2, "0")}`;
    assert.equal(printable(`a${String.fromCharCode(code)}b`), `a${expected}b`);
  }
});

Deno.test("printable() escapes direction overrides, separators and lone surrogates", () => {
  assert.equal(
    printable("\u202etxt\u2028\u2029\ud800x\udfff"),
    "\\u{202e}txt\\u{2028}\\u{2029}\\u{d800}x\\u{dfff}",
  );
  assert.equal(printable("\u{e0001}"), "\\u{e0001}");
});

Deno.test("printableJson() writes indented JSON with a newline at the end", () => {
  assert.equal(printableJson([{ a: 1 }]), '[\n  {\n    "a": 1\n  }\n]\n');
  assert.equal(printableJson([]), "[]\n");
});

Deno.test("printableJson() escapes so that a parser gets back the same text", () => {
  const text = "\x1b\n\x7f\x9b\u202e\u{e0001}é🙂";
  const json = printableJson([text]);
  assert.deepEqual(JSON.parse(json), [text]);
  assert.match(json, /"\\u001b\\n\\u007f\\u009b\\u202e\\udb40\\udc01é🙂"/);
});

Deno.test("printableJsonLine() writes one line, of which a parser gets back the same text", () => {
  const value = { text: "a\nb\x1b\x7f\u202eé", list: [1, null] };
  const line = printableJsonLine(value);
  assert.match(line, /^[^\n\x7f\u202e]*\n$/);
  assert.deepEqual(JSON.parse(line), value);
});
