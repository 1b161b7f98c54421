/**
 * Bytes as a page can have them: compressed, and in base64.
 *
 * @module
 */

/** Compresses bytes (deflate, without a header): the one way that all browsers know how to undo. */
export function compressed(
  parts: readonly Uint8Array<ArrayBuffer>[],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces(parts)).pipeThrough(new CompressionStream("deflate-raw"));
}

const PIECE_BYTES = 1 << 18;

function* pieces(
  parts: readonly Uint8Array<ArrayBuffer>[],
): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      yield part.subarray(at, at + PIECE_BYTES);
    }
  }
}

/** In base64, which is one text however it is cut. */
export async function* base64Chunks(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void, undefined> {
  let rest = new Uint8Array();
  for await (const chunk of chunks) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    // Three bytes are four characters.
    const whole = bytes.length - bytes.length % 3;
    rest = bytes.slice(whole);
    yield bytes.subarray(0, whole).toBase64();
  }
  if (rest.length > 0) yield rest.toBase64();
}
