/**
 * Transports for tests: one that plays a script, and one that answers as the vrouter module does.
 *
 * @module
 */

import {
  align4,
  concatenate,
  encodeAttribute,
  encodeMessage,
  NetlinkError,
  type NetlinkMessage,
  type NetlinkTransport,
  NLM_F_MULTI,
  parseMessages,
} from "../../src/sys/netlink.ts";
import { sandeshOf } from "../../src/vrouter/genetlink.ts";
import {
  decodeMessages,
  encodeMessages,
  type SandeshMessage,
  type SandeshValue,
} from "../../src/vrouter/sandesh.ts";
import { vector } from "./vectors.ts";
import { viewOf } from "../../src/sys/view.ts";

/** The family id in the captured datagrams. */
export const FAMILY_ID = 32;
/** The port in the captured datagrams named vif_list. */
export const PORT = 0xc6;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const DUMP_INCOMPLETE = 0x40000000;
/** The module's buffer for the records of one page. */
const PAGE_BYTES = 3968;

/** Ignores requests, and receives a fixed list of datagrams, followed by timeouts. */
export class ScriptedTransport implements NetlinkTransport {
  readonly port = PORT;
  readonly sent: NetlinkMessage[] = [];
  #pending: Uint8Array[] = [];
  #next = 0;

  /**
   * @param answers for each request its datagrams, which get the request's sequence number and port
   */
  constructor(private readonly answers: readonly (readonly Uint8Array[])[]) {}

  send(datagram: Uint8Array<ArrayBuffer>): void {
    const request = parseMessages(datagram)[0]!;
    this.sent.push(request);
    this.#pending = (this.answers[this.#next++] ?? []).map((answer) =>
      addressed(answer, request.sequence)
    );
  }

  receive(): Uint8Array {
    const datagram = this.#pending.shift();
    if (datagram === undefined) throw new NetlinkError("nothing came within 0 s", 110);
    return datagram;
  }
}

/** A copy of `datagram` whose first header answers the request with this sequence number. */
function addressed(datagram: Uint8Array, sequence: number): Uint8Array {
  const copy = datagram.slice();
  if (copy.length >= 16) {
    viewOf(copy).setUint32(8, sequence, true);
    viewOf(copy).setUint32(12, PORT, true);
  }
  return copy;
}

/** A message of the module: nla_len without its header, nlmsg_len rounded up. */
export function moduleMessage(
  header: Omit<NetlinkMessage, "payload">,
  sandesh: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const attribute = encodeAttribute(1, sandesh);
  viewOf(attribute).setUint16(0, sandesh.length, true);
  const padding = new Uint8Array(align4(sandesh.length) - sandesh.length);
  return encodeMessage({
    ...header,
    payload: concatenate(Uint8Array.of(1, 0, 0, 0), attribute, padding),
  });
}

/** The bare NLMSG_DONE that ends an answer of several messages. */
export function done(): Uint8Array {
  return encodeMessage({
    type: NLMSG_DONE,
    flags: 0,
    sequence: 0,
    port: PORT,
    payload: new Uint8Array(0),
  });
}

/** NLMSG_ERROR with `code`, 0 or a negative errno. */
export function netlinkError(code: number): Uint8Array {
  const payload = new Uint8Array(20);
  viewOf(payload).setInt32(0, code, true);
  return encodeMessage({ type: NLMSG_ERROR, flags: 0, sequence: 0, port: PORT, payload });
}

/** An answer of the module to one request: a message for each list of structs. */
export function answerOf(...structs: readonly (readonly SandeshMessage[])[]): Uint8Array[] {
  const several = structs.length > 1;
  const header = {
    type: FAMILY_ID,
    flags: several ? NLM_F_MULTI : 0,
    sequence: 0,
    port: PORT,
  };
  const messages: Uint8Array[] = structs.map((list) => moduleMessage(header, encodeMessages(list)));
  return several ? [...messages, done()] : messages;
}

/** The captured answer to the family lookup. */
export function familyAnswer(): Uint8Array[] {
  return [vector("vif_list-01-rsp")];
}

/** The answers to a captured dump, that to the family lookup first: two pages of five and two vifs. */
export function capturedDump(): Uint8Array[][] {
  return [
    familyAnswer(),
    ["vif_list-03-rsp", "vif_list-04-rsp", "vif_list-05-rsp"].map(vector),
    ["vif_list-07-rsp", "vif_list-08-rsp", "vif_list-09-rsp"].map(vector),
  ];
}

/** vr_response with `code`. */
export function response(code: number): SandeshMessage {
  return {
    name: "vr_response",
    fields: [
      { id: 1, value: { type: "i32", value: 4 } },
      { id: 2, value: { type: "i32", value: code } },
    ],
  };
}

/** A whole vr_interface_req: the first captured record, with the values of `changes` by field id. */
export function vifRecord(changes: Readonly<Record<number, SandeshValue>>): SandeshMessage {
  const payload = parseMessages(vector("vif_list-04-rsp"))[0]!.payload;
  const template = decodeMessages(sandeshOf(payload))[0]!;
  return {
    name: template.name,
    fields: template.fields.map(({ id, value }) => ({ id, value: changes[id] ?? value })),
  };
}

/** A record with the given index and name, and the ifindex 100 higher. */
export function namedVif(index: number, name: string): SandeshMessage {
  return vifRecord({
    6: { type: "i32", value: index },
    8: { type: "i32", value: index + 100 },
    10: { type: "string", value: new TextEncoder().encode(name) },
  });
}

/** Answers the family lookup, and dumps of `records` in pages as large as the module's. */
export class FakeModule implements NetlinkTransport {
  readonly port = PORT;
  /** Markers of the dump requests. */
  readonly markers: number[] = [];
  readonly #queue: Uint8Array[] = [];

  /** @param records of the table, by ascending index */
  constructor(private readonly records: readonly SandeshMessage[]) {}

  send(datagram: Uint8Array<ArrayBuffer>): void {
    const request = parseMessages(datagram)[0]!;
    const answer = request.type === FAMILY_ID ? this.#dump(request) : familyAnswer();
    this.#queue.push(...answer.map((message) => addressed(message, request.sequence)));
  }

  receive(): Uint8Array {
    return this.#queue.shift()!;
  }

  #dump(request: NetlinkMessage): Uint8Array[] {
    const marker = numberOf(decodeMessages(sandeshOf(request.payload))[0]!, 37);
    this.markers.push(marker);
    const behind = this.records.filter((record) => numberOf(record, 6) > marker);
    const page: SandeshMessage[] = [];
    let left = PAGE_BYTES;
    for (const record of behind) {
      left -= encodeMessages([record]).length;
      if (left < 0) break;
      page.push(record);
    }
    if (page.length === 0) return answerOf([response(0)]);
    const more = page.length < behind.length ? DUMP_INCOMPLETE : 0;
    return answerOf([response(page.length | more)], page);
  }
}

function numberOf(message: SandeshMessage, id: number): number {
  const value = message.fields.find((field) => field.id === id)?.value;
  if (value?.type !== "i32") throw new Error(`field ${id} is not an i32`);
  return value.value;
}
