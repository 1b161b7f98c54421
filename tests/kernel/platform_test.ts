import assert from "node:assert/strict";
import { parseOsRelease, readDistribution } from "../../src/kernel/platform.ts";
import { mutate } from "../support/mutate.ts";
import { forRandomCases } from "../support/property.ts";
import { processCpuMs } from "../../src/sys/cpu_time.ts";

function parse(text: string): { name: string; version: string } {
  return parseOsRelease(new TextEncoder().encode(text));
}

Deno.test("parseOsRelease() reads Debian's file", () => {
  const text = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
ID=debian
`;
  assert.deepEqual(parse(text), { name: "Debian GNU/Linux", version: "12" });
});

Deno.test("parseOsRelease() reads values without quotes, with single ones, and with escapes", () => {
  assert.deepEqual(parse("NAME=Fedora\nVERSION_ID=42"), { name: "Fedora", version: "42" });
  assert.deepEqual(parse("NAME='a \"b\" \\$'"), { name: 'a "b" \\$', version: "" });
  assert.equal(parse('NAME="a \\"b\\" \\$x \\`y\\` \\\\"').name, 'a "b" $x `y` \\');
});

Deno.test("parseOsRelease() passes over comments and what is no assignment", () => {
  const text = "# NAME=comment\n\nNAME\n=x\nNAME=Right\r\nLONG_NAME=wrong\nVERSION_ID=";
  assert.deepEqual(parse(text), { name: "Right", version: "" });
});

Deno.test("parseOsRelease() reads any bytes, blanks without end among them", () => {
  const start = processCpuMs();
  assert.equal(parse(`NAME=a${" ".repeat(300_000)}b`).name.length, 300_002);
  // It takes milliseconds; to look at all that follows each blank would take a minute.
  assert.ok(processCpuMs() - start < 10_000);

  const original = new TextEncoder().encode(`NAME="Debian \\"GNU\\""\n VERSION_ID='12' \n#x\n`);
  forRandomCases(5, (random) => {
    const bytes = mutate(original, random);
    const { name, version } = parseOsRelease(bytes);
    assert.ok(name.length + version.length <= bytes.length + "Linux".length);
  }, 2_000);
});

Deno.test("a system that does not say what it is is called Linux", async () => {
  assert.deepEqual(parse(""), { name: "Linux", version: "" });
  assert.deepEqual(readDistribution(["/nonexistent/os-release"]), { name: "Linux", version: "" });
  const directory = await Deno.makeTempDir();
  try {
    const second = `${directory}/os-release`;
    await Deno.writeTextFile(second, "NAME=Second\n");
    assert.equal(readDistribution([`${directory}/none`, second]).name, "Second");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
