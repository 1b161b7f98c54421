// The module that the runtime runs. The launcher puts `const program = N, cache = "PATH";` in front: the
// descriptor of the program, a file of program.ts, and the folder of root's cache, or nothing.
//
// The program is not a module itself because Deno parses every module on its own before V8 does, at every
// start, and libraries in a module are text, which both read. That took longer than everything else. As a
// function, V8 alone parses the script, and a file is read when it is used.

const file = Deno.openSync(`/proc/self/fd/${program}`);
const read = (offset, length) => {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  file.readSync(bytes);
  return bytes;
};
// INDEX_BYTES.
const start = 4096;
const text = (bytes) => new TextDecoder().decode(bytes);
const { script, digest, files } = JSON.parse(text(read(0, start)));
const part = ([offset, length]) => read(start + offset, length);
const AsyncFunction = (async () => {}).constructor;
await new AsyncFunction("packedFile", "programCache", text(part(script)))(
  (name) => part(files[name]),
  cache && { folder: cache, program: digest },
);
