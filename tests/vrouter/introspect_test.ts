import assert from "node:assert/strict";
import { type AgentInterface, type AgentPage, PageReader } from "../../src/vrouter/introspect.ts";
import { XmlError } from "../../src/vrouter/xml.ts";
import { itemXml, pageParts, vmInterface } from "../support/agent_server.ts";
import { attack } from "../support/hostile.ts";
import { forRandomCases } from "../support/property.ts";
import type { Random } from "../support/random.ts";

function read(...parts: readonly string[]): { found: AgentInterface[]; page: AgentPage } {
  const found: AgentInterface[] = [];
  const reader = new PageReader((one) => found.push(one));
  for (const part of parts) reader.push(part);
  return { found, page: reader.end() };
}

const INTERFACES = [
  vmInterface(3, "tapdd789d34-27"),
  vmInterface(4, "tap4", { vm_name: "a<b> & 'c'", vn_name: "default-domain:lab:green" }),
  { index: "0", name: "eth0", uuid: "00000000-0000-0000-0000-000000000000", vm_name: "" },
  { index: "2", name: "pkt0", vrf_name: "--ERROR--", vn_name: "--NA--" },
];

Deno.test("the interfaces of a page are read by the names of the agent's members", () => {
  const { found, page } = read(...pageParts(INTERFACES, 0));
  assert.deepEqual(found[0], {
    index: 3,
    name: "tapdd789d34-27",
    parent: "",
    uuid: "11111111-0000-4000-8000-000000000003",
    configName: "default-domain:lab:port-3",
    vmUuid: "22222222-0000-4000-8000-000000000003",
    vmName: "web-3",
    network: "default-domain:lab:blue",
    project: "33333333-0000-4000-8000-000000000001",
  });
  assert.deepEqual([found[1]!.vmName, found[1]!.network], [
    "a<b> & 'c'",
    "default-domain:lab:green",
  ]);
  const empty = { parent: "", uuid: "", configName: "", vmUuid: "", vmName: "", network: "" };
  assert.deepEqual(found.slice(2), [
    { index: 0, name: "eth0", ...empty, project: "" },
    { index: 2, name: "pkt0", ...empty, project: "" },
  ]);
  assert.deepEqual(page, { next: null, refusal: null, isAnswer: true });
});

Deno.test("a page says what to ask for next, a refusal why, and something else is no answer", () => {
  const many = Array.from({ length: 103 }, (_, index) => vmInterface(index, `tap${index}`));
  assert.equal(read(...pageParts(many, 0)).found.length, 100);
  assert.equal(
    read(...pageParts(many, 0)).page.next,
    "begin:100,end:102,table:db.interface.0,",
  );
  assert.equal(read(...pageParts(many, 100)).page.next, null);
  const refusal = read('<ErrorResp type="sandesh"><resp type="string">Invalid</resp></ErrorResp>');
  assert.deepEqual(refusal.page, { next: null, refusal: "Invalid", isAnswer: true });
  assert.equal(read("<html><p>Hello</p></html>").page.isAnswer, false);
});

Deno.test("values without end are cut, and an index that is none leaves out its interface", () => {
  const { found } = read(
    `<ItfResp>${itemXml(vmInterface(1, "tap1", { vm_name: "x".repeat(100_000) }))}` +
      `${itemXml(vmInterface(2, "tap2", { index: "-1" }))}</ItfResp>`,
  );
  assert.deepEqual(found.map(({ index, vmName }) => [index, vmName.length]), [[1, 1024]]);
});

Deno.test("random interfaces are read as they were written, in parts of any size", () => {
  const text = (random: Random): string =>
    Array.from({ length: random.int(20) }, () => random.pick([..."ab &<>'\";]é-\u{1f600}"]))
      .join("").trim();
  forRandomCases(15, (random) => {
    const written = Array.from({ length: random.int(4) }, (_, index) => ({
      index: String(index),
      name: `tap${index}`,
      vm_name: `v${text(random)}`.trim(),
      vn_name: `n${text(random)}`.trim(),
    }));
    const whole = pageParts(written, 0).join("");
    const parts: string[] = [];
    for (let at = 0; at < whole.length;) {
      const length = 1 + random.int(300);
      parts.push(whole.slice(at, at += length));
    }
    const { found } = read(...parts);
    assert.deepEqual(
      found.map(({ vmName, network }) => [vmName, network]),
      written.map(({ vm_name, vn_name }) => [vm_name, vn_name]),
    );
  }, 2000);
});

Deno.test("damaged pages are refused, or have no more than what is in them", () => {
  const page = (interfaces: Parameters<typeof pageParts>[0]): Uint8Array =>
    new TextEncoder().encode(pageParts(interfaces, 0).join(""));
  attack({
    title: "pages of the agent",
    seed: 16,
    originals: [page(INTERFACES), page(INTERFACES.slice(0, 1))],
    use(bytes, _original, random): void {
      const text = new TextDecoder().decode(bytes);
      const cut = random.int(text.length + 1);
      const { found } = read(text.slice(0, cut), text.slice(cut));
      const kept = found.reduce(
        (sum, one) => sum + Object.values(one).reduce((all, value) => all + `${value}`.length, 0),
        0,
      );
      assert.ok(kept <= text.length, `${kept} of ${text.length}`);
    },
    rejects: (error) => error instanceof XmlError,
    runs: 3000,
  });
});
