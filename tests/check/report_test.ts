import assert from "node:assert/strict";
import type { CheckResult } from "../../src/check/outcome.ts";
import { reportJson, reportLines, summarize } from "../../src/check/report.ts";

const RESULTS: readonly CheckResult[] = [
  {
    check: "kernel_release",
    title: "Kernel release",
    status: "ok",
    found: "6.12.117+deb12-cloud-amd64, x86_64",
    advice: null,
  },
  {
    check: "lockdown",
    title: "Kernel lockdown",
    status: "note",
    found: "unknown: securityfs is not mounted, or the kernel has no lockdown",
    advice: null,
  },
  {
    check: "CONFIG_DEBUG_INFO_BTF_MODULES",
    title: "CONFIG_DEBUG_INFO_BTF_MODULES",
    status: "ok",
    found: "y",
    advice: null,
  },
  {
    check: "vrouter_btf",
    title: "vrouter BTF",
    status: "ok",
    found: "/tmp/vrouter.btf: 97 % of its 412 functions are in the loaded module, which has 5 more",
    advice: null,
  },
  {
    check: "backend_session",
    title: "Backend session",
    status: "ok",
    found: "works (kprobe.session)",
    advice: null,
  },
  {
    check: "attach_time",
    title: "Time to attach",
    status: "ok",
    found: "about 25 s for 1,624 functions with kprobe",
    advice: "select functions with -f and -x to shorten it",
  },
];

const FAILED: CheckResult = {
  check: "privileges",
  title: "Privileges",
  status: "failed",
  found: "user 0 of a user namespace, whose capabilities do not count for BPF",
  advice: "run vrft as root of the host, or in a container without its own user namespace",
};

Deno.test("reportLines() prints what it always printed", async (t) => {
  const text = [...RESULTS, FAILED].map((result) => reportLines(result, false)).join("");
  await t.assertSnapshot(`\n${text}`);
});

Deno.test("reportLines() keeps to 100 columns, but does not break a long word", () => {
  for (const result of [...RESULTS, FAILED]) {
    for (const line of reportLines(result, false).split("\n")) {
      assert.ok([...line].length <= 100, line);
      assert.equal(line, line.trimEnd());
    }
  }
  const path = `/boot/${"x".repeat(200)}`;
  assert.ok(reportLines({ ...FAILED, found: `in ${path} it is` }, false).includes(path));
});

Deno.test("reportLines() colours the sign alone, and only when asked to", () => {
  for (
    const [status, sign] of [
      ["ok", "\x1b[32m✔\x1b[0m "],
      ["failed", "\x1b[31m✖\x1b[0m "],
      ["note", "\x1b[2m–\x1b[0m "],
    ] as const
  ) {
    const lines = reportLines({ ...FAILED, status }, true);
    assert.ok(lines.startsWith(sign), lines);
    assert.ok(!lines.slice(sign.length).includes("\x1b"));
    assert.ok(!reportLines({ ...FAILED, status }, false).includes("\x1b"));
  }
});

Deno.test("reportLines() lets nothing through that a terminal could act on", () => {
  const found = "tap\x1b[2J\nnext";
  assert.match(reportLines({ ...FAILED, found }, false), /tap\\x1b\[2J\\x0anext/);
});

Deno.test("summarize() names the backend when nothing has failed", () => {
  assert.deepEqual(summarize(RESULTS), {
    works: true,
    backend: "session",
    text: "Tracing will work with kprobe.session",
  });
});

Deno.test("summarize() counts what is missing, and names no backend then", () => {
  assert.deepEqual(summarize([...RESULTS, FAILED]), {
    works: false,
    backend: null,
    text: "Tracing will not work: 1 thing is missing",
  });
  assert.match(summarize([FAILED, ...RESULTS, FAILED]).text, /: 2 things are missing$/);
});

Deno.test("summarize() does not promise anything where no backend was found to work", () => {
  const { works } = summarize(RESULTS.filter(({ check }) => check !== "backend_session"));
  assert.equal(works, false);
});

Deno.test("reportJson() has the promised keys in their order", () => {
  const json = JSON.parse(reportJson([...RESULTS, FAILED]));
  assert.deepEqual(Object.keys(json), ["works", "backend", "summary", "checks"]);
  assert.equal(json.works, false);
  assert.equal(json.backend, null);
  assert.equal(json.checks.length, RESULTS.length + 1);
  for (const check of json.checks) {
    assert.deepEqual(Object.keys(check), ["check", "status", "found", "advice"]);
  }
  assert.equal(json.checks[0].advice, null);
  assert.equal(JSON.parse(reportJson(RESULTS)).backend, "session");
});
