import assert from "node:assert/strict";
import { FLOORS, importsIn, violations } from "../../scripts/layout.ts";

/** What breaks the rules in a tree of these files, beside an empty library and no tests. */
function violationsOf(files: Record<string, string>): string[] {
  const root = Deno.makeTempDirSync();
  try {
    for (const folder of ["src", "tests"]) Deno.mkdirSync(`${root}/${folder}`);
    for (const [path, text] of Object.entries({ "mod.ts": "", ...files })) {
      const file = `${root}/${path}`;
      Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(file, text);
    }
    return violations(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("importsIn() finds imports of every form, types among them", () => {
  const text = [
    'import type { A } from "./a.ts";',
    'import { type B1, type B2 } from "../b/b.ts";',
    "import {",
    "  type C1,",
    "  c2,",
    '} from "../b/c.ts";',
    'import "../d.ts";',
    'export * from "./e/e.ts";',
    'export type { F } from "./f.ts";',
    'import g from "../../build/g" with { type: "bytes" };',
    'const h = () => import("./h.ts");',
    'type I = typeof import("./i.ts");',
    '// import { j } from "./j.ts";',
    '/** import { k } from "./k.ts"; */',
    'const l = `from "./l.ts"`;',
    'import { Command } from "commander";',
  ].join("\n");
  assert.deepEqual(
    importsIn("src/x/y.ts", text).map(({ to, atRunTime, dynamic }) => {
      return `${to} ${atRunTime ? "value" : "type"}${dynamic ? " dynamic" : ""}`;
    }),
    [
      "src/x/a.ts type",
      "src/b/b.ts type",
      "src/b/c.ts value",
      "src/d.ts value",
      "src/x/e/e.ts value",
      "src/x/f.ts type",
      "build/g value",
      "commander value",
      "src/x/h.ts value dynamic",
      "src/x/i.ts type dynamic",
    ],
  );
});

Deno.test("imports that lead down break no rule, nor do those within a folder", () => {
  assert.deepEqual(
    violationsOf({
      "mod.ts": 'export * from "./src/trace/tracer.ts";',
      "src/main.ts": 'import "./commands/trace.ts";\nimport info from "../build/info.json";',
      "src/commands/trace.ts": 'import "../trace/tracer.ts";',
      "src/trace/tracer.ts": 'import "../probe/choice.ts";\nimport "./tree.ts";',
      "src/trace/tree.ts": "",
      "src/probe/choice.ts": 'import "./backends/session.ts";\nimport("../../build/x.bpf.o");',
      "src/probe/backends/session.ts": 'import type { Backend } from "../backend.ts";',
      "src/probe/backend.ts": 'import "../kernel/btf.ts";',
      "src/kernel/btf.ts": 'import "../sys/libc.ts";',
      "src/sys/libc.ts": "",
      "src/cli/program.ts": 'import { Command } from "commander";',
      "tests/trace/tracer_test.ts": 'import "../../mod.ts";',
    }),
    [],
  );
});

Deno.test("an import that leads up or sideways breaks a rule, even of a type", () => {
  assert.deepEqual(
    violationsOf({
      "src/sys/libc.ts": 'import type { Btf } from "../kernel/btf.ts";',
      "src/kernel/btf.ts": 'import "../vrouter/sandesh.ts";',
      "src/vrouter/sandesh.ts": "",
      "src/trace/tracer.ts": 'import { Log } from "../output/log.ts";\nimport "../../mod.ts";',
      "src/output/log.ts": "",
    }).sort(),
    [
      "src/kernel/btf.ts imports sideways: src/vrouter/sandesh.ts",
      "src/sys/libc.ts imports upwards: src/kernel/btf.ts",
      "src/trace/tracer.ts imports upwards: mod.ts",
      "src/trace/tracer.ts imports upwards: src/output/log.ts",
    ],
  );
});

Deno.test("a circle breaks a rule, within a folder and among types, too", () => {
  assert.deepEqual(
    violationsOf({
      "src/sys/a.ts": 'import "./b.ts";',
      "src/sys/b.ts": 'import type { C } from "./c.ts";',
      "src/sys/c.ts": 'const a = () => import("./a.ts");',
      "src/sys/d.ts": 'import "./a.ts";',
      "tests/sys/e.ts": 'import "./e.ts";',
    }),
    [
      "Circle: src/sys/a.ts -> src/sys/b.ts -> src/sys/c.ts -> src/sys/a.ts",
      "Circle: tests/sys/e.ts -> tests/sys/e.ts",
    ],
  );
});

Deno.test("a folder without a floor breaks a rule, and so do packages and files from elsewhere", () => {
  assert.deepEqual(
    violationsOf({
      "src/misc/x.ts": "",
      "src/output/text.ts": 'import { Command } from "commander";',
      "src/sys/x.ts": 'import { isFailure } from "../../tests/support/failures.ts";',
      "tests/support/failures.ts": "",
    }).sort(),
    [
      "src/misc/x.ts is on no floor",
      "src/output/text.ts imports commander, which is not of src/",
      "src/sys/x.ts imports tests/support/failures.ts, which is not of src/",
    ],
  );
});

Deno.test("what a test or the library loads must be there before a build", () => {
  const files = {
    "src/sys/built.ts": 'import info from "../../build/info.json" with { type: "json" };',
    "src/sys/by_type.ts": 'import type { Info } from "./built.ts";',
    "src/sys/later.ts": 'const built = () => import("./built.ts");',
    "tests/sys/by_type_test.ts": 'import "../../src/sys/by_type.ts";',
    "tests/sys/later_test.ts": 'import "../../src/sys/later.ts";',
  };
  assert.deepEqual(violationsOf(files), []);
  assert.deepEqual(
    violationsOf({
      ...files,
      "mod.ts": 'export * from "./src/sys/built.ts";',
      "tests/support/x.ts": 'import "../../src/sys/built.ts";',
      "tests/sys/x_test.ts": 'import "../support/x.ts";',
    }),
    [
      "Cannot be loaded before a build: mod.ts -> src/sys/built.ts -> build/info.json",
      "Cannot be loaded before a build: tests/sys/x_test.ts -> tests/support/x.ts -> " +
      "src/sys/built.ts -> build/info.json",
    ],
  );
});

Deno.test("docs/architecture.md has the folders of src/ on their floors", () => {
  const text = Deno.readTextFileSync(new URL("../../docs/architecture.md", import.meta.url));
  const rows = [...text.matchAll(/^\| (\d) +\| ((?:`src\/[^`]+`(?:, )?)+)/gm)];
  const documented = rows.flatMap(([, level, folders]) =>
    [...folders!.matchAll(/`([^`]+)`/g)].map(([, name]) => `${level} ${name!.replace(/\/$/, "")}`)
  );
  const floors = FLOORS.flatMap((folders, level) => folders.map((name) => `${level} ${name}`));
  assert.deepEqual(documented.filter((row) => !floors.includes(row)), []);
  for (const { name, isDirectory } of Deno.readDirSync(new URL("../../src/", import.meta.url))) {
    if (isDirectory) assert.ok(documented.some((row) => row.endsWith(` src/${name}`)), name);
  }
});
