/**
 * What the vRouter agent's introspect says of its interfaces: the answer to `Snh_ItfReq`, and the further pages
 * of it, `Snh_PageReq`. Each is a list of ItfSandeshData, of which the names of members are those below, and a
 * Pagination, whose `next_page` is what to ask for next.
 *
 * Format: src/vnsw/agent/oper/agent.sandesh and agent_sandesh.cc of https://github.com/OpenSDN-io/tf-controller,
 * written as XML by library/cpp/protocol/TXMLProtocol.cpp of https://github.com/Juniper/contrail-sandesh
 *
 * @module
 */

import { XmlReader } from "./xml.ts";

/** An interface as the agent knows it. What it does not know is empty. */
export interface AgentInterface {
  /** The N of `vif0/N`. */
  readonly index: number;
  /** Of the network device. */
  readonly name: string;
  /** Device of which it is a VLAN. */
  readonly parent: string;
  /** The virtual machine interface: its UUID and its fully qualified name, `domain:project:port`. */
  readonly uuid: string;
  readonly configName: string;
  readonly vmUuid: string;
  readonly vmName: string;
  /** The virtual network's fully qualified name, `domain:project:network`. */
  readonly network: string;
  readonly project: string;
}

/** What a page says besides. */
export interface AgentPage {
  /** What to ask for next; `null` on the last page. */
  readonly next: string | null;
  /** The agent's refusal; `null` if there is none. */
  readonly refusal: string | null;
  /** Whether it is an answer to such a request at all. */
  readonly isAnswer: boolean;
}

/** Members of ItfSandeshData, by what they are here. */
const MEMBERS = {
  index: "index",
  name: "name",
  parent_interface: "parent",
  uuid: "uuid",
  config_name: "configName",
  vm_uuid: "vmUuid",
  vm_name: "vmName",
  vn_name: "network",
  vm_project_uuid: "project",
} as const;

type Member = typeof MEMBERS[keyof typeof MEMBERS];

const ITEM = "ItfSandeshData";
/** Of PageReqData, and of ErrorResp. */
const NEXT = "next_page";
const REFUSAL = "resp";
/** Elements of which an answer has at least one. */
const ANSWERS: ReadonlySet<string> = new Set(["ItfResp", "Pagination", "ErrorResp"]);

/** Characters of a value that are kept: names are of at most 255. */
const LONGEST = 1024;
/** What the agent writes for no value. */
const NO_VALUE = /^(--(NA|ERROR)--|[0-]*)$/;

/** Reads a page as it arrives. */
export class PageReader {
  readonly #xml: XmlReader;
  readonly #receive: (found: AgentInterface) => void;
  readonly #path: string[] = [];
  /** Depth of the present item, 0 for none, and its members. */
  #item = 0;
  #members = new Map<Member, string>();
  #text: string | null = null;
  #next = "";
  #refusal = "";
  #isAnswer = false;

  /** @param receive is told each interface */
  constructor(receive: (found: AgentInterface) => void) {
    this.#receive = receive;
    this.#xml = new XmlReader({
      open: (name) => this.#open(name),
      text: (text) => {
        if (this.#text !== null) this.#text = (this.#text + text).slice(0, LONGEST);
      },
      close: (name) => this.#close(name),
    });
  }

  /** The next part. @throws {XmlError} */
  push(part: string): void {
    this.#xml.push(part);
  }

  /** There is no more. @throws {XmlError} if the page is not whole */
  end(): AgentPage {
    this.#xml.end();
    return {
      next: this.#next || null,
      refusal: this.#refusal || null,
      isAnswer: this.#isAnswer,
    };
  }

  #open(name: string): void {
    const around = this.#path.at(-1);
    this.#path.push(name);
    if (ANSWERS.has(name)) this.#isAnswer = true;
    if (name === ITEM && this.#item === 0) {
      this.#item = this.#path.length;
      this.#members.clear();
    }
    const isMember = this.#item === this.#path.length - 1 && Object.hasOwn(MEMBERS, name);
    const isWanted = isMember || name === NEXT && around === "PageReqData" ||
      name === REFUSAL && around === "ErrorResp";
    this.#text = isWanted ? "" : null;
  }

  #close(name: string): void {
    const text = this.#text?.trim() ?? null;
    this.#text = null;
    this.#path.pop();
    const depth = this.#path.length;
    if (this.#item > depth) {
      this.#item = 0;
      this.#tell();
    } else if (text === null) return;
    else if (this.#item === depth) {
      this.#members.set(MEMBERS[name as keyof typeof MEMBERS], text);
    } else if (name === NEXT) this.#next = text;
    else this.#refusal = text;
  }

  #tell(): void {
    const of = (member: Member): string => {
      const text = this.#members.get(member) ?? "";
      return NO_VALUE.test(text) ? "" : text;
    };
    const index = this.#members.get("index") ?? "";
    if (!/^\d{1,7}$/.test(index)) return;
    this.#receive({
      index: Number(index),
      name: of("name"),
      parent: of("parent"),
      uuid: of("uuid"),
      configName: of("configName"),
      vmUuid: of("vmUuid"),
      vmName: of("vmName"),
      network: of("network"),
      project: of("project"),
    });
  }
}
