/**
 * An HTTP server that answers like the introspect of the vRouter agent: ten interfaces in a part, some parts
 * and a Pagination on a page.
 *
 * @module
 */

/** Values of members of an ItfSandeshData by their names. */
export type Members = Readonly<Record<string, string>>;

const PAGE = 100;
const PART = 10;
const LEAD = '<?xml-stylesheet type="text/xsl" href="/universal_parse.xsl"?>';
const TABLE = "table:db.interface.0,";
/** Numbers of members, by which Sandesh tells them apart. */
const IDENTIFIERS: Readonly<Record<string, number>> = {
  index: 1,
  name: 2,
  uuid: 3,
  vrf_name: 4,
  active: 5,
  vn_name: 10,
  vm_uuid: 11,
  vm_name: 12,
  ip_addr: 13,
  config_name: 23,
  vm_project_uuid: 30,
  parent_interface: 39,
};
const LINKED: ReadonlySet<string> = new Set(["vrf_name", "vn_name", "vm_uuid"]);

/** An interface of a VM, with what the agent would say of it. */
export function vmInterface(index: number, name: string, more: Members = {}): Members {
  const digits = String(index).padStart(12, "0");
  return {
    index: String(index),
    name,
    uuid: `11111111-0000-4000-8000-${digits}`,
    vrf_name: "default-domain:lab:blue:blue",
    active: "Active",
    vn_name: "default-domain:lab:blue",
    vm_uuid: `22222222-0000-4000-8000-${digits}`,
    vm_name: `web-${index}`,
    ip_addr: `10.1.1.${index}`,
    config_name: `default-domain:lab:port-${index}`,
    vm_project_uuid: "33333333-0000-4000-8000-000000000001",
    ...more,
  };
}

/** An interface in XML. */
export function itemXml(members: Members): string {
  const fields = Object.entries(members).map(([name, value]) => {
    const type = name === "index" ? "i32" : "string";
    const link = LINKED.has(name) ? ` link="${name}Req"` : "";
    return `<${name} type="${type}" identifier="${IDENTIFIERS[name] ?? 99}"${link}>` +
      `${escaped(value)}</${name}>`;
  });
  // What is inside of a member is not of the interface.
  const inner = '<fip_list type="list" identifier="16"><list type="struct" size="1">' +
    '<FloatingIpSandeshList><ip_addr type="string" identifier="1">192.0.2.1</ip_addr>' +
    '<name type="string" identifier="9">inner</name></FloatingIpSandeshList></list></fip_list>';
  return `<ItfSandeshData>${fields.join("")}${inner}</ItfSandeshData>`;
}

/** The parts of a page: `first` is that of its first interface among `all`. */
export function pageParts(all: readonly Members[], first: number): string[] {
  const shown = all.slice(first, first + PAGE);
  const parts = [`${LEAD}<__ItfResp_list type="slist">`];
  for (let at = 0; at === 0 || at < shown.length; at += PART) {
    const items = shown.slice(at, at + PART);
    parts.push(
      '<ItfResp type="sandesh"><itf_list type="list" identifier="1">' +
        `<list type="struct" size="${items.length}">${items.map(itemXml).join("")}</list>` +
        '</itf_list><more type="bool" identifier="0">true</more></ItfResp>',
    );
  }
  const end = first + shown.length;
  const last = Math.min(end + PAGE, all.length) - 1;
  const next = end < all.length ? `begin:${end},end:${last},${TABLE}` : "";
  const field = (name: string, id: number, value: string): string =>
    `<${name} type="string" identifier="${id}" link="PageReq">${value}</${name}>`;
  parts.push(
    '<Pagination type="sandesh"><req type="struct" identifier="1"><PageReqData>' +
      field("prev_page", 1, "") + field("next_page", 2, next) +
      field("all", 4, `begin:-1,end:-1,${TABLE}`) +
      `<table_size type="u32" identifier="5">${all.length}</table_size>` +
      '</PageReqData></req><more type="bool" identifier="0">false</more></Pagination>',
    "</__ItfResp_list>",
  );
  return parts;
}

/** Answers a request in place of the server; `null` to let it. */
export type Instead = (path: string) => Response | Promise<Response> | null;

/** The server. */
export class AgentServer implements AsyncDisposable {
  /** Paths of requests, with what is asked. */
  readonly asked: string[] = [];
  interfaces: readonly Members[];
  instead: Instead;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #scheme: string;
  readonly #end = new AbortController();

  constructor(
    interfaces: readonly Members[],
    instead: Instead = () => null,
    tls: { readonly cert: string; readonly key: string } | null = null,
  ) {
    this.interfaces = interfaces;
    this.instead = instead;
    this.#scheme = tls === null ? "http" : "https";
    const at = { port: 0, hostname: "127.0.0.1", onListen: () => {}, signal: this.#end.signal };
    const handler = (request: Request): Response | Promise<Response> => this.#answer(request);
    this.#server = tls === null ? Deno.serve(at, handler) : Deno.serve({ ...at, ...tls }, handler);
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#server.addr.port}`;
  }

  #answer(request: Request): Response | Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = `${pathname}${search}`;
    this.asked.push(path);
    const own = this.instead(path);
    if (own !== null) return own;
    if (path === "/Snh_ItfReq") return xml(pageParts(this.interfaces, 0));
    const [, first] = /^\/Snh_PageReq\?x=begin:(\d+),end:\d+,table:db\.interface\.0,$/.exec(path) ??
      [];
    if (first !== undefined) return xml(pageParts(this.interfaces, Number(first)));
    return xml([
      `${LEAD}<ErrorResp type="sandesh"><resp type="string" identifier="1">Invalid DBTable</resp>` +
      '<more type="bool" identifier="0">false</more></ErrorResp>',
    ]);
  }

  /** Whatever is not yet answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#server.finished;
  }
}

/** A chunk for each part. */
export function xml(parts: readonly string[]): Response {
  const body = ReadableStream.from(parts).pipeThrough(new TextEncoderStream());
  return new Response(body, { headers: { "content-type": "text/xml" } });
}

/** As Sandesh does it. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("'", "&apos;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
