import assert from "node:assert/strict";
import { anchorsOf, codeOf, documentAt, DOCUMENTS, linksOf, ROOT } from "./markdown.ts";

for (const document of DOCUMENTS) {
  Deno.test(`links of ${document.path} resolve, within what the packages carry`, () => {
    for (const link of linksOf(document)) {
      if (/^https?:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const url = path === ""
        ? new URL(document.path, ROOT)
        : new URL(path, new URL(document.path, ROOT));
      const target = url.pathname.slice(ROOT.pathname.length);
      if (target === "LICENSE") continue;
      if (/^docs\/(?:\w+\.png|monitoring\/\w+\.(?:yaml|json))$/.test(target)) {
        assert.ok(Deno.statSync(url).isFile);
        continue;
      }
      // Also when it is there: tests/ is in no package.
      const found = documentAt(target);
      if (anchor !== undefined) assert(anchorsOf(found).includes(anchor), link);
    }
  });

  Deno.test(`files named in ${document.path} exist`, () => {
    for (const code of codeOf(document)) {
      for (const [path] of code.matchAll(/(?<=^|\s)(?:src|bpf|docs|scripts|tests)\/[\w./-]+/g)) {
        assert.doesNotThrow(() => Deno.statSync(new URL(path, ROOT)), path);
      }
    }
  });
}

Deno.test("README.md links every document", () => {
  const links = linksOf(documentAt("README.md"));
  for (const { path } of DOCUMENTS.slice(1)) assert(links.includes(path), path);
});
