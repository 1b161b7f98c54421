import assert from "node:assert/strict";
import { run, VRFT } from "../support/native_vrft.ts";

Deno.test("A BTF file that is missing, no BTF, or cut short is refused by name", async () => {
  const directory = await Deno.makeTempDir();
  const whole = await Deno.readFile("/sys/kernel/btf/vmlinux");
  await Deno.writeFile(`${directory}/cut`, whole.subarray(0, 1_000_000));
  await Deno.writeFile(`${directory}/noise`, new TextEncoder().encode("no BTF at all".repeat(50)));
  for (const option of ["--kernel-btf", "--vrouter-btf"]) {
    // The last one is a folder.
    for (const name of ["missing", "cut", "noise", ""]) {
      const path = `${directory}/${name}`;
      const { code, stdout, stderr } = await run([VRFT, "functions", option, path]);
      assert.equal(code, 1, `${option} ${name}: ${stderr}`);
      assert.equal(stdout, "");
      assert.match(stderr, /^vrft: [^\n]*\n$/);
      assert.ok(stderr.includes(`"${path}"`), stderr);
    }
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test({
  name: "A flight recorder refuses what is no folder before it starts",
  ignore: Deno.uid() !== 0,
}, async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "");
  const says = {
    missing: /^vrft: There is no folder ".*missing": make it, or name another one$/m,
    file: /^vrft: ".*file" is no folder: /m,
    "file/below": /^vrft: Cannot write recordings to ".*below": Not a directory$/m,
  };
  for (const [name, message] of Object.entries(says)) {
    const args = ["--ring", "10s", "-o", `${folder}/${name}`];
    const { code, stderr } = await run([VRFT, "record", "--no-vrouter", ...args]);
    assert.match(stderr, message);
    assert.equal(code, 1, name);
  }
  await Deno.remove(folder, { recursive: true });
});
