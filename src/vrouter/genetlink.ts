/**
 * The part of generic netlink (include/uapi/linux/genetlink.h) that the vrouter module uses: family
 * lookup, and one command with one attribute.
 *
 * @module
 */

import {
  align4,
  concatenate,
  encodeAttribute,
  malformed,
  type NetlinkClient,
  parseAttributes,
  terminatedString,
} from "../sys/netlink.ts";
import { viewOf } from "../sys/view.ts";

/** sizeof(struct genlmsghdr): command, version, reserved. */
const GENERIC_HEADER_BYTES = 4;

/** The controller, the only family with a fixed id. */
const GENL_ID_CTRL = 16;
const GENL_MIN_ID = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

/** vrouter's only command (SANDESH_REQUEST in its vr_genetlink.h). */
const SANDESH_REQUEST = 1;
/** vrouter's only attribute (NL_ATTR_VR_MESSAGE_PROTOCOL). */
const MESSAGE_ATTRIBUTE = 1;
const ATTRIBUTE_HEADER_BYTES = 4;

/**
 * Maximum size of an answer in bytes: 64 pages of the module's tables. Decoding takes a multiple of it
 * (see sandesh.ts).
 */
const MAXIMUM_ANSWER_BYTES = 256 * 1024;

/**
 * Looks up the id of a generic netlink family; ids are allocated when modules register.
 *
 * @param client over a NETLINK_GENERIC transport
 * @throws {NetlinkError} ENOENT when no such family is registered
 */
export function lookUpFamily(client: NetlinkClient, name: string): number {
  const payload = concatenate(
    genericHeader(CTRL_CMD_GETFAMILY),
    encodeAttribute(CTRL_ATTR_FAMILY_NAME, new TextEncoder().encode(`${name}\0`)),
  );
  for (const message of client.request(GENL_ID_CTRL, 0, payload)) {
    const attributes = parseAttributes(message.payload.subarray(GENERIC_HEADER_BYTES));
    const named = attributes.find((attribute) => attribute.type === CTRL_ATTR_FAMILY_NAME);
    if (named === undefined || terminatedString(named.value) !== name) continue;
    const id = attributes.find((attribute) => attribute.type === CTRL_ATTR_FAMILY_ID);
    if (id === undefined || id.value.length < 2) throw malformed("a family without its id");
    const number = viewOf(id.value).getUint16(0, true);
    if (number < GENL_MIN_ID) throw malformed(`family id ${number}`);
    return number;
  }
  throw malformed(`it does not describe the family "${name}"`);
}

/**
 * Sends one Sandesh payload to the vrouter module.
 *
 * The module has no dump operation in netlink's sense: the request carries no NLM_F_DUMP, and more
 * than one message comes back with NLM_F_MULTI and an NLMSG_DONE, a single one without.
 *
 * @param client over a NETLINK_GENERIC transport
 * @param family from {@linkcode lookUpFamily}
 * @param sandesh encoded messages without padding, which would be taken for another message
 * @returns the Sandesh payload of each message in the answer
 * @throws {NetlinkError} EPERM without CAP_NET_ADMIN; others as in {@linkcode NetlinkClient.request}
 */
export function requestSandesh(
  client: NetlinkClient,
  family: number,
  sandesh: Uint8Array,
): Uint8Array[] {
  const payload = concatenate(
    genericHeader(SANDESH_REQUEST),
    encodeAttribute(MESSAGE_ATTRIBUTE, sandesh),
  );
  return client.request(family, 0, payload, MAXIMUM_ANSWER_BYTES).map((message) => {
    if (message.type !== family) throw malformed(`a message of type ${message.type}`);
    return sandeshOf(message.payload);
  });
}

/**
 * The Sandesh payload in a message of the vrouter module.
 *
 * In the module's answers, nla_len does **not** include the attribute header, so an attribute parser
 * would lose the last four bytes. In its multicast messages, and in requests, it does, as usual. There
 * is one attribute per message, padded to 4 bytes, so the lengths tell which.
 *
 * @param payload of the netlink message: the generic header and the attribute
 * @returns a view of the payload
 * @throws {NetlinkError} EBADMSG if nla_len fits neither way
 */
export function sandeshOf(payload: Uint8Array): Uint8Array {
  const start = GENERIC_HEADER_BYTES + ATTRIBUTE_HEADER_BYTES;
  if (payload.length < start) throw malformed("a message without attribute");
  const length = viewOf(payload).getUint16(GENERIC_HEADER_BYTES, true);
  const left = payload.length - start;
  const bytes = align4(length) === align4(left) ? length : length - ATTRIBUTE_HEADER_BYTES;
  if (bytes < 0 || bytes > left || align4(bytes) !== align4(left)) {
    throw malformed(`an attribute of ${length} bytes where ${left} are left`);
  }
  return payload.subarray(start, start + bytes);
}

/** The version is 0, as in vrouter's own tools; the module ignores it. */
function genericHeader(command: number): Uint8Array {
  const header = new Uint8Array(GENERIC_HEADER_BYTES);
  header[0] = command;
  return header;
}
