/**
 * Where a recording is read from: a file, a pipe, or memory.
 *
 * @module
 */

/** Bytes that are read from front to back. */
export interface RecordingSource {
  /** Reads some bytes into `to`. @returns how many; 0 at the end */
  read(to: Uint8Array): number;
  /** Goes on behind `bytes` bytes. @returns how many there were */
  skip(bytes: number): number;
  /** Goes back to the start; not there if that is impossible. */
  rewind?(): void;
}

/** What Deno has of a file, or of `Deno.stdin`. */
export interface ReadableFile {
  readSync(to: Uint8Array): number | null;
  seekSync?(offset: number | bigint, whence: Deno.SeekMode): number;
  statSync?(): Deno.FileInfo;
}

/** Bytes read at a time where others are skipped. */
const SKIP_BYTES = 64 << 10;

/** Reads a file, by hopping where it can: a pipe it reads through. */
export function fileSource(file: ReadableFile): RecordingSource {
  const { isFile } = file.statSync?.() ?? { isFile: false };
  if (!isFile) return new StreamSource(file);
  return new FileSource(file as Required<ReadableFile>);
}

class StreamSource implements RecordingSource {
  readonly #file: ReadableFile;
  #skipped: Uint8Array | undefined;

  constructor(file: ReadableFile) {
    this.#file = file;
  }

  read(to: Uint8Array): number {
    return this.#file.readSync(to) ?? 0;
  }

  skip(bytes: number): number {
    const buffer = this.#skipped ??= new Uint8Array(SKIP_BYTES);
    let done = 0;
    while (done < bytes) {
      const read = this.read(buffer.subarray(0, Math.min(bytes - done, buffer.length)));
      if (read === 0) break;
      done += read;
    }
    return done;
  }
}

class FileSource implements RecordingSource {
  readonly #file: Required<ReadableFile>;
  #at: number;
  readonly #start: number;

  constructor(file: Required<ReadableFile>) {
    this.#file = file;
    this.#at = this.#start = file.seekSync(0, Deno.SeekMode.Current);
  }

  read(to: Uint8Array): number {
    const read = this.#file.readSync(to) ?? 0;
    this.#at += read;
    return read;
  }

  skip(bytes: number): number {
    // It may still grow.
    const left = Math.max(0, this.#file.statSync().size - this.#at);
    const skipped = Math.min(bytes, left);
    this.#at = this.#file.seekSync(this.#at + skipped, Deno.SeekMode.Start);
    return skipped;
  }

  rewind(): void {
    this.#at = this.#file.seekSync(this.#start, Deno.SeekMode.Start);
  }
}

/** Reads from memory. */
export function memorySource(bytes: Uint8Array): RecordingSource {
  let at = 0;
  return {
    read(to): number {
      const part = bytes.subarray(at, at + to.length);
      to.set(part);
      at += part.length;
      return part.length;
    },
    skip(count): number {
      const skipped = Math.min(count, bytes.length - at);
      at += skipped;
      return skipped;
    },
    rewind(): void {
      at = 0;
    },
  };
}
