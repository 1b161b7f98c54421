import assert from "node:assert/strict";
import {
  addressText,
  MAX_DURATION_MS,
  MAX_PERCENT,
  MAX_SAMPLE,
  parseBufferSize,
  parseChoice,
  parseCount,
  parseDuration,
  parseGlob,
  parseListenAddress,
  parsePercent,
  parseReceiver,
  parseSample,
  parseText,
  parseTextfile,
  ValueError,
} from "../../src/cli/values.ts";

function accepts<T>(parse: (text: string) => T, cases: Readonly<Record<string, T>>): void {
  for (const [text, value] of Object.entries(cases)) assert.equal(parse(text), value, text);
}

function rejects(parse: (text: string) => unknown, texts: readonly string[]): void {
  for (const text of texts) assert.throws(() => parse(text), ValueError, text);
}

Deno.test("parseCount() takes positive whole numbers", () => {
  accepts(parseCount, { "1": 1, "400": 400, "007": 7, "9007199254740991": 2 ** 53 - 1 });
});

Deno.test("parseCount() rejects zero, signs, fractions, other notations and overflow", () => {
  rejects(parseCount, [
    "",
    "0",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x10",
    "1_000",
    " 1",
    "1\n",
    "NaN",
    "Infinity",
    "٣",
    "9007199254740992",
    "9".repeat(400),
  ]);
});

Deno.test("parseListenAddress() takes an address and a port, or a port of 127.0.0.1", () => {
  for (
    const [text, host, port] of [
      ["127.0.0.1:9467", "127.0.0.1", 9467],
      ["0.0.0.0:0", "0.0.0.0", 0],
      ["[::1]:65535", "::1", 65535],
      ["localhost:9467", "localhost", 9467],
      ["9467", "127.0.0.1", 9467],
    ] as const
  ) {
    assert.deepEqual(parseListenAddress(text), { host, port });
    if (text.includes(":")) assert.equal(addressText({ host, port }), text);
  }
});

Deno.test("parseListenAddress() rejects what may mean all addresses, and what is no port", () => {
  rejects(parseListenAddress, [
    "",
    ":9467",
    "*:",
    "*:9467",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:x",
    "127.0.0.1:-1",
    "::1:9467",
    "[x]:9467",
    "http://127.0.0.1:9467",
    "a b:9467",
  ]);
});

Deno.test("parseReceiver() rejects the ports to which the runtime sends nothing", async () => {
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  const blocked = [1, 22, 2049, 5061, 6000, 10080].map(at);
  rejects(parseReceiver, blocked);
  for (const url of blocked) await assert.rejects(fetch(url), /blocked/, url);
  for (const url of [2, 80, 443, 4318, 6001].map(at)) assert.equal(parseReceiver(url), url);
});

Deno.test("parseTextfile() takes names that node_exporter reads", () => {
  accepts(parseTextfile, { "a.prom": "a.prom", "/x/y.z.prom": "/x/y.z.prom" });
  rejects(parseTextfile, ["", "a", "a.txt", ".prom", "x/.prom", "a.prom/", "a.prom.bak"]);
});

Deno.test("parseDuration() takes numbers with a unit, and seconds without", () => {
  accepts(parseDuration, {
    "10s": 10_000,
    "500ms": 500,
    "2m": 120_000,
    "1h": 3_600_000,
    "1.5s": 1500,
    ".5s": 500,
    "3": 3000,
    "0.25": 250,
    "1ms": 1,
    "1.4ms": 1,
    "596h": 596 * 3_600_000,
    "2147483647ms": MAX_DURATION_MS,
  });
});

Deno.test("parseDuration() rejects nothing at all, less than a millisecond and what no timer holds", () => {
  rejects(parseDuration, [
    "",
    "s",
    ".",
    "0",
    "0s",
    "0.1ms",
    "0.0001s",
    "-1s",
    "+1s",
    "1 s",
    "1S",
    "1d",
    "1.s",
    "1e3",
    "NaN",
    "Infinity",
    "597h",
    "2147483648ms",
    "9".repeat(400),
  ]);
});

Deno.test("parseBufferSize() takes units of 1024 in both cases, and bytes without", () => {
  accepts(parseBufferSize, {
    "64M": 2 ** 26,
    "64m": 2 ** 26,
    "8MiB": 2 ** 23,
    "8mib": 2 ** 23,
    "64k": 2 ** 16,
    "64KiB": 2 ** 16,
    "1G": 2 ** 30,
    "1GiB": 2 ** 30,
    "65536": 2 ** 16,
    "4096": 2 ** 12,
  });
});

Deno.test("parseBufferSize() rounds up to the next power of two and leaves those alone", () => {
  accepts(parseBufferSize, { "3M": 2 ** 22, "65M": 2 ** 27, "4097": 2 ** 13 });
  for (let power = 12; power < 30; power++) {
    assert.equal(parseBufferSize(`${2 ** power}`), 2 ** power);
    assert.equal(parseBufferSize(`${2 ** power + 1}`), 2 ** (power + 1));
  }
});

Deno.test("parseBufferSize() rejects less than a page, more than 1 GiB and what is no size", () => {
  rejects(parseBufferSize, [
    "",
    "M",
    "0",
    "1",
    "4095",
    "3k",
    "-64M",
    "1.5M",
    "64MB",
    "64 M",
    "64T",
    "0x1000",
    "NaN",
    "1073741825",
    "1025M",
    "2G",
    "9".repeat(400),
  ]);
});

Deno.test("parseText() takes any text but the empty one", () => {
  accepts(parseText, { "eth0": "eth0", "vif0/1": "vif0/1", " ": " ", "-": "-" });
  rejects(parseText, [""]);
});

Deno.test("parseGlob() rejects the empty glob and an open bracket", () => {
  accepts(parseGlob, { "vr_*": "vr_*", "nh_[a-f]?": "nh_[a-f]?" });
  rejects(parseGlob, ["", "vr_[a"]);
});

Deno.test("parseChoice() takes the words of its list only, and its error names them", () => {
  const parse = parseChoice(["bash", "zsh"]);
  accepts(parse, { bash: "bash", zsh: "zsh" });
  rejects(parse, ["", "Bash", "bas", "fish", "constructor"]);
  assert.throws(() => parse("fish"), { message: "give one of bash, zsh" });
});

Deno.test("parsePercent() takes numbers above 0, with a per cent sign and without", () => {
  accepts(parsePercent, {
    "50": 50,
    "50%": 50,
    "12.5": 12.5,
    "12.5%": 12.5,
    ".5": 0.5,
    "0.1%": 0.1,
    "250": 250,
    "819200": MAX_PERCENT,
  });
});

Deno.test("parsePercent() rejects zero, signs, other notations and more than there is", () => {
  rejects(parsePercent, [
    "",
    "%",
    "0",
    "0%",
    "0.0",
    "-5",
    "+5",
    "50 %",
    "50%%",
    "5.",
    ".",
    "1e2",
    "0x10",
    "half",
    "50\n",
    "819200.1",
    "9".repeat(400),
  ]);
});

Deno.test("parseSample() takes whole numbers that 32 bits hold, from 1", () => {
  accepts(parseSample, { "1": 1, "2": 2, "0100": 100, "4294967295": MAX_SAMPLE });
});

Deno.test("parseSample() rejects zero, signs, fractions, words and larger numbers", () => {
  rejects(parseSample, ["", "0", "00", "-1", "+1", "1.5", "1e2", "0x10", "x", " 1", "4294967296"]);
  rejects(parseSample, ["9".repeat(400)]);
});
