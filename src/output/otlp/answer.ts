/**
 * What a receiver of OTLP answers.
 *
 * @module
 */

/** An answer, as far as it matters. */
export interface Answer {
  /** Items that the receiver did not take, of a request that it took. */
  readonly rejected: number;
  /** Its words; empty if there are none. */
  readonly message: string;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Of ExportTraceServiceResponse and ExportMetricsServiceResponse. */
const PARTIAL_SUCCESS = 1;
// Of ExportTracePartialSuccess and ExportMetricsPartialSuccess.
const REJECTED = 1;
const ERROR_MESSAGE = 2;
/** Of google.rpc.Status. */
const STATUS_MESSAGE = 2;

/** Characters of a message that are kept. */
const MOST = 200;

/**
 * Reads the body of an answer, which may be anything.
 *
 * @param status of HTTP, which says what the body is
 */
export function readAnswer(status: number, body: Uint8Array): Answer {
  if (status >= 200 && status < 300) {
    const partial = fieldsOf(body)?.get(PARTIAL_SUCCESS);
    const fields = partial instanceof Uint8Array ? fieldsOf(partial) : null;
    const rejected = fields?.get(REJECTED);
    return {
      rejected: typeof rejected === "number" && rejected > 0 ? rejected : 0,
      message: textOf(fields?.get(ERROR_MESSAGE)),
    };
  }
  const message = textOf(fieldsOf(body)?.get(STATUS_MESSAGE));
  // What is in front of the receiver, such as a proxy, answers in words.
  return { rejected: 0, message: message === "" ? textOf(body) : message };
}

/** The text, on one line; empty if it is none. */
function textOf(value: number | Uint8Array | undefined): string {
  if (!(value instanceof Uint8Array)) return "";
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(value);
    return text.replaceAll(/\s+/g, " ").trim().slice(0, MOST);
  } catch {
    return "";
  }
}

/** The fields of a message, the last of each number; `null` if it is none. */
function fieldsOf(bytes: Uint8Array): Map<number, number | Uint8Array> | null {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) return NaN;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        fields.set(field, varint());
        break;
      case FIXED64:
        at += 8;
        break;
      case FIXED32:
        at += 4;
        break;
      case BYTES: {
        const end = varint() + at;
        if (!(end <= bytes.length)) return null;
        fields.set(field, bytes.subarray(at, end));
        at = end;
        break;
      }
      default:
        return null;
    }
  }
  return at === bytes.length ? fields : null;
}
