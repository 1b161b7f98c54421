/**
 * Netlink framing (include/uapi/linux/netlink.h): messages and attributes to and from bytes, and one
 * request with its answers over a {@linkcode NetlinkTransport}. Opens nothing itself.
 *
 * Each step of a parser consumes at least a header, so its work and the number of its results are
 * bounded by the length of the input. Results are views of it.
 *
 * Numbers are in host order; vrft runs on little-endian machines (x86-64, arm64).
 *
 * @module
 */

import { errorText } from "./libc.ts";
import { viewOf } from "./view.ts";

/** NLM_F_REQUEST: set on every request. */
export const NLM_F_REQUEST = 0x1;
/** NLM_F_MULTI: more messages follow, up to NLMSG_DONE. */
export const NLM_F_MULTI = 0x2;
/** NLM_F_DUMP_INTR: the table changed during the dump, so entries may be missing. */
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_DUMP (NLM_F_ROOT | NLM_F_MATCH): list everything. */
export const NLM_F_DUMP = 0x300;

const NLMSG_NOOP = 1;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSG_OVERRUN = 4;

const EBADMSG = 74;
const ENOBUFS = 105;
/** The highest possible errno: MAX_ERRNO in include/linux/err.h. */
export const MAX_ERRNO = 4095;

/** sizeof(struct nlmsghdr). */
const MESSAGE_HEADER_BYTES = 16;
/** sizeof(struct nlattr). */
const ATTRIBUTE_HEADER_BYTES = 4;
/** Low 14 bits of nla_type; above them are NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** Datagrams read per request before giving up, so that unrelated traffic cannot block forever. */
const MAXIMUM_DATAGRAMS = 65536;

/**
 * Default limit of an answer in bytes: a dump of some 50,000 network devices.
 */
const MAXIMUM_ANSWER_BYTES = 64 * 2 ** 20;

/** Sends and receives netlink datagrams: a socket, or a script in tests. */
export interface NetlinkTransport {
  /** Our port, which the kernel addresses its answers to (nlmsg_pid). */
  readonly port: number;

  /**
   * Sends one datagram to the kernel.
   *
   * @throws {Error} when it cannot be sent
   */
  send(datagram: Uint8Array<ArrayBuffer>): void;

  /**
   * Waits for the next datagram from the kernel.
   *
   * @throws {NetlinkError} if none arrives in time, or one was lost or truncated
   */
  receive(): Uint8Array;
}

/** One netlink message with its decoded header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  /** The nlmsg_len - 16 bytes after the header. */
  readonly payload: Uint8Array;
}

/** One netlink attribute. */
export interface NetlinkAttribute {
  readonly type: number;
  readonly value: Uint8Array;
}

/** A netlink request that failed; the message is a clause (`the answer is cut off …`). */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";

  /**
   * @param errno positive errno: the kernel's, or for errors detected here: EBADMSG for malformed
   * bytes, ENOBUFS for lost ones, EMSGSIZE for truncated ones, ETIMEDOUT for none
   */
  constructor(message: string, readonly errno: number) {
    super(message);
  }
}

/** The error for bytes that violate the format. */
export function malformed(what: string): NetlinkError {
  return new NetlinkError(`the answer is malformed: ${what}`, EBADMSG);
}

/** `length` rounded up to 4 bytes (NLMSG_ALIGN, NLA_ALIGN). */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** Concatenates `parts`. */
export function concatenate(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The bytes of `message`; nlmsg_len is exact, without padding after the payload. */
export function encodeMessage(message: NetlinkMessage): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(MESSAGE_HEADER_BYTES);
  const view = viewOf(header);
  view.setUint32(0, MESSAGE_HEADER_BYTES + message.payload.length, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, message.flags, true);
  view.setUint32(8, message.sequence, true);
  view.setUint32(12, message.port, true);
  return concatenate(header, message.payload);
}

/**
 * The messages of one datagram; their payloads are views of it. At most one per 16 bytes.
 *
 * @throws {NetlinkError} EBADMSG if a header is truncated or its length does not fit the datagram
 */
export function parseMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset < datagram.length;) {
    const left = datagram.length - offset;
    if (left < MESSAGE_HEADER_BYTES) throw malformed(`${left} bytes in place of a message header`);
    const length = view.getUint32(offset, true);
    if (length < MESSAGE_HEADER_BYTES || length > left) {
      throw malformed(`a message of ${length} bytes where ${left} are left`);
    }
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      port: view.getUint32(offset + 12, true),
      payload: datagram.subarray(offset + MESSAGE_HEADER_BYTES, offset + length),
    });
    offset += align4(length);
  }
  return messages;
}

/** The bytes of one attribute; nla_len counts its header and `value`, and no padding follows. */
export function encodeAttribute(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(ATTRIBUTE_HEADER_BYTES);
  const view = viewOf(header);
  view.setUint16(0, ATTRIBUTE_HEADER_BYTES + value.length, true);
  view.setUint16(2, type, true);
  return concatenate(header, value);
}

/**
 * The attributes that fill `bytes`; their values are views of it. At most one per 4 bytes.
 *
 * @throws {NetlinkError} EBADMSG when an attribute's length does not fit
 */
export function parseAttributes(bytes: Uint8Array): NetlinkAttribute[] {
  const view = viewOf(bytes);
  const attributes: NetlinkAttribute[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const left = bytes.length - offset;
    if (left < ATTRIBUTE_HEADER_BYTES) throw malformed(`${left} bytes instead of an attribute`);
    const length = view.getUint16(offset, true);
    if (length < ATTRIBUTE_HEADER_BYTES || length > left) {
      throw malformed(`an attribute of ${length} bytes where ${left} are left`);
    }
    attributes.push({
      type: view.getUint16(offset + 2, true) & ATTRIBUTE_TYPE_MASK,
      value: bytes.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length),
    });
    offset += align4(length);
  }
  return attributes;
}

/** The text of a C string in a field: up to NUL, or all of it without one. */
export function terminatedString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Sends requests to the kernel over one transport and collects the answers. */
export class NetlinkClient {
  #sequence = 0;

  constructor(private readonly transport: NetlinkTransport) {}

  /**
   * Sends one request and waits for its whole answer: one message without NLM_F_MULTI, or all up to
   * NLMSG_DONE. Messages with another sequence number or port, such as the late answer to an earlier
   * request, are skipped.
   *
   * @param type nlmsg_type: the family, or the request of a classic protocol
   * @param flags nlmsg_flags in addition to NLM_F_REQUEST
   * @param payload what follows the message header
   * @param limit bytes to read for the answer, including unrelated messages: the result keeps them in
   * memory
   * @returns the messages with data, in order; none for an empty dump or a bare ACK
   * @throws {NetlinkError} with the kernel's errno, or with that of {@linkcode NetlinkError}'s faults
   */
  request(
    type: number,
    flags: number,
    payload: Uint8Array,
    limit: number = MAXIMUM_ANSWER_BYTES,
  ): NetlinkMessage[] {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const sequence = this.#sequence;
    // Port 0: the kernel uses the socket's.
    const request = { type, flags: flags | NLM_F_REQUEST, sequence, port: 0, payload };
    this.transport.send(encodeMessage(request));

    const answer: NetlinkMessage[] = [];
    let bytes = 0;
    for (let datagrams = 0; datagrams < MAXIMUM_DATAGRAMS; datagrams++) {
      const datagram = this.transport.receive();
      bytes += datagram.length;
      if (bytes > limit) throw malformed(`it does not end within ${limit} bytes`);
      for (const message of parseMessages(datagram)) {
        if (message.sequence !== sequence || message.port !== this.transport.port) continue;
        switch (message.type) {
          case NLMSG_NOOP:
            continue;
          case NLMSG_ERROR:
            // struct nlmsgerr starts with the negative errno; 0 is an ACK.
            if (message.payload.length < 4) throw malformed("an error message without its code");
            throwIfNegative(message.payload);
            return answer;
          case NLMSG_DONE:
            // Error of a dump that failed midway; vrouter's NLMSG_DONE has no payload at all.
            if (message.payload.length >= 4) throwIfNegative(message.payload);
            return answer;
          case NLMSG_OVERRUN:
            throw new NetlinkError("the kernel reports that data was lost", ENOBUFS);
        }
        answer.push(message);
        if ((message.flags & NLM_F_MULTI) === 0) return answer;
      }
    }
    throw malformed(`it does not end within ${MAXIMUM_DATAGRAMS} datagrams`);
  }
}

function throwIfNegative(payload: Uint8Array): void {
  const code = viewOf(payload).getInt32(0, true);
  if (code < -MAX_ERRNO) throw malformed(`an error with the code ${code}`);
  if (code < 0) throw new NetlinkError(errorText(-code), -code);
}
