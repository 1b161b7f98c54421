import assert from "node:assert/strict";
import { AgentNames, openAgentNames } from "../../src/commands/agent_names.ts";
import type { Environment } from "../../src/output/http_client.ts";
import { Log } from "../../src/output/log.ts";
import { Failure } from "../../src/sys/failure.ts";
import { AgentServer, type Members, vmInterface, xml } from "../support/agent_server.ts";
import { MessageList } from "../support/message_list.ts";
import { Authority, TlsServer } from "../support/tls.ts";

const NEVER = new AbortController().signal;
const PLAIN = { certificate: null, client: null };
const BARE: Environment = { get: () => undefined, read: () => "" };
const TAPS = [vmInterface(3, "tap3"), vmInterface(4, "tap4")];

/** Names by a clock that the test moves. */
class Scene implements Disposable {
  readonly messages = new MessageList();
  readonly names: AgentNames;
  #time = 0;

  constructor(url: string, timeoutMs?: number) {
    this.names = new AgentNames({
      url,
      certificates: PLAIN,
      log: new Log({ messages: this.messages }),
      now: () => this.#time,
      ...timeoutMs === undefined ? {} : { timeoutMs },
    });
  }

  /** Asks if that is due, after some seconds. */
  async after(seconds: number): Promise<void> {
    this.#time += 1000 * seconds;
    this.names.turn();
    await this.names.settled(NEVER);
  }

  /** Name of the VM of a vif; `null` if it is not known. */
  vm(index: number | null, device: string | null): string | null {
    const vif = index === null ? null : { index, device };
    return this.names.of(vif, device)?.vmName ?? null;
  }

  [Symbol.dispose](): void {
    this.names[Symbol.dispose]();
  }
}

Deno.test("vifs are named by index and device, and devices without a vif by theirs", async () => {
  await using agent = new AgentServer([
    ...TAPS,
    // A VLAN of it, which has no device of its own.
    vmInterface(7, "tap3-100", { parent_interface: "tap3", vm_name: "sub" }),
    vmInterface(8, "tap8", { vm_name: "evil\x1b[2J\u202e" }),
  ]);
  using scene = new Scene(`${agent.url}/`);
  assert.equal(scene.vm(3, "tap3"), null);
  await scene.after(0);
  assert.deepEqual(agent.asked, ["/Snh_ItfReq"]);
  assert.equal(scene.vm(3, "tap3"), "web-3");
  assert.equal(scene.vm(null, "tap4"), "web-4");
  assert.equal(scene.vm(7, "tap3"), "sub");
  assert.equal(scene.vm(8, "tap8"), "evil\\x1b[2J\\u{202e}");
  assert.equal(scene.vm(4, "tap3"), null);
  assert.equal(scene.vm(3, null), null);
  assert.equal(scene.vm(null, null), null);
  assert.equal(scene.messages.text, "");
});

Deno.test("all pages are asked for", async () => {
  const all = Array.from({ length: 250 }, (_, index) => vmInterface(index, `tap${index}`));
  await using agent = new AgentServer(all);
  using scene = new Scene(agent.url);
  await scene.after(0);
  assert.deepEqual(agent.asked, [
    "/Snh_ItfReq",
    "/Snh_PageReq?x=begin:100,end:199,table:db.interface.0,",
    "/Snh_PageReq?x=begin:200,end:249,table:db.interface.0,",
  ]);
  assert.deepEqual([0, 100, 249].map((index) => scene.vm(index, `tap${index}`)), [
    "web-0",
    "web-100",
    "web-249",
  ]);
});

Deno.test("the agent is asked again for a vif that appears, each ten seconds at most", async () => {
  await using agent = new AgentServer(TAPS);
  using scene = new Scene(agent.url);
  await scene.after(0);
  await scene.after(100);
  assert.equal(agent.asked.length, 1, "all that is used is known");
  scene.vm(5, "tap5");
  await scene.after(0);
  assert.equal(agent.asked.length, 2);
  // The agent does not know it: that will not change by itself.
  scene.vm(5, "tap5");
  await scene.after(100);
  assert.equal(agent.asked.length, 2);
  agent.interfaces = [...TAPS, vmInterface(6, "tap6")];
  scene.vm(6, "tap6");
  await scene.after(0);
  assert.equal(agent.asked.length, 3);
  assert.equal(scene.vm(6, "tap6"), "web-6");
  agent.interfaces = [vmInterface(3, "tap9", { vm_name: "new" })];
  scene.vm(3, "tap9");
  await scene.after(9);
  assert.equal(agent.asked.length, 3, "not yet");
  await scene.after(1);
  assert.equal(scene.vm(3, "tap9"), "new");
  assert.equal(scene.vm(3, "tap3"), null);
});

Deno.test("names are asked for again after ten minutes if they are used", async () => {
  await using agent = new AgentServer(TAPS);
  using scene = new Scene(agent.url);
  await scene.after(0);
  agent.interfaces = [vmInterface(3, "tap3", { vm_name: "renamed" })];
  scene.vm(3, "tap3");
  await scene.after(599);
  assert.equal(scene.vm(3, "tap3"), "web-3");
  await scene.after(1);
  assert.equal(agent.asked.length, 1, "nobody has used them since");
  assert.equal(scene.vm(3, "tap3"), "web-3");
  await scene.after(0);
  assert.equal(scene.vm(3, "tap3"), "renamed");
});

Deno.test("an agent that fails is told once, asked ever less, and told again when it is back", async () => {
  await using agent = new AgentServer(TAPS, () => new Response("no", { status: 503 }));
  using scene = new Scene(agent.url);
  await scene.after(0);
  assert.match(
    scene.messages.text,
    / Cannot ask the vRouter agent at http:\S+ for names, going on without: HTTP 503\n$/,
  );
  const times: number[] = [];
  for (let second = 1; second <= 1000; second++) {
    const before = agent.asked.length;
    await scene.after(1);
    if (agent.asked.length > before) times.push(second);
  }
  assert.deepEqual(times, [10, 30, 70, 150, 310, 610, 910]);
  agent.instead = () => null;
  await scene.after(300);
  assert.equal(scene.vm(3, "tap3"), "web-3");
  assert.match(scene.messages.text, /^(?:.*HTTP 503)\n.*has told its names\n$/);
});

/** What is said of an agent that answers like that. */
async function saidOf(
  instead: ConstructorParameters<typeof AgentServer>[1],
  timeoutMs?: number,
  interfaces: readonly Members[] = TAPS,
): Promise<string> {
  await using agent = new AgentServer(interfaces, instead);
  using scene = new Scene(agent.url, timeoutMs);
  await scene.after(0);
  assert.equal(scene.vm(3, "tap3"), null);
  return scene.messages.text.replace(/^.*going on without: /, "").trimEnd();
}

Deno.test("of an answer that is not whole, nothing is used", async () => {
  const many = Array.from({ length: 150 }, (_, index) => vmInterface(index, `tap${index}`));
  const cut = (path: string) => path.includes("PageReq") ? xml(["<ItfResp><itf_list>"]) : null;
  assert.equal(
    await saidOf(cut, undefined, many),
    "its answer is damaged: it ends inside of <itf_list>",
  );
  assert.equal(
    await saidOf(() => xml(['<!DOCTYPE a [<!ENTITY b "c">]><a/>'])),
    "its answer is damaged: it has a document type",
  );
  assert.equal(await saidOf(() => xml(["<html/>"])), "that is no answer of its introspect");
  assert.equal(
    await saidOf(() => xml(["<ErrorResp><resp>Invalid\x1b[2J</resp></ErrorResp>"])),
    'it says "Invalid\\x1b[2J"',
  );
  assert.match(
    await saidOf(() => new Response(null, { status: 302, headers: { location: "/" } })),
    /redirect/,
  );
  const endless = "<Pagination><req><PageReqData><next_page>again</next_page></PageReqData></req>" +
    "</Pagination>";
  assert.equal(await saidOf(() => xml([endless])), "it has more than 1,000 pages");
});

Deno.test("an agent that hangs is given up, and holds up nobody", async () => {
  const hang = Promise.withResolvers<Response>();
  assert.equal(await saidOf(() => hang.promise, 50), "no answer within 50 ms");
  const slow = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("<ItfResp>")),
  });
  assert.equal(await saidOf(() => new Response(slow), 50), "no answer within 50 ms");
  hang.resolve(new Response());
  const messages = new MessageList();
  const gone = await openAgentNames(
    "http://127.0.0.1:1",
    new Log({ messages }),
    NEVER,
    BARE,
  );
  assert.match(messages.text, /Cannot ask the vRouter agent at http:\/\/127\.0\.0\.1:1 for names/);
  gone[Symbol.dispose]();
  gone.turn();
});

Deno.test("TLS is used with the certificates that the environment names", async () => {
  await using authority = await Authority.create();
  await using agent = new AgentServer(TAPS);
  await using server = await TlsServer.start(authority, agent.url);
  const open = async (variables: Record<string, string>): Promise<string> => {
    const messages = new MessageList();
    using names = await openAgentNames(server.url, new Log({ messages }), NEVER, {
      get: (name) => variables[name],
      read: (path) => Deno.readTextFileSync(path),
    });
    return names.of(null, "tap4")?.vmName ?? messages.text;
  };
  const { certificate, client } = authority;
  const own = {
    VRFT_AGENT_CLIENT_CERTIFICATE: client.certificate,
    VRFT_AGENT_CLIENT_KEY: client.key,
  };
  assert.equal(await open({ VRFT_AGENT_CERTIFICATE: certificate, ...own }), "web-4");
  assert.match(await open({ VRFT_AGENT_CERTIFICATE: certificate }), /CertificateRequired/);
  assert.match(await open(own), /UnknownIssuer/);
  await assert.rejects(open({ VRFT_AGENT_CERTIFICATE: "/proc/none" }), Failure);
});
