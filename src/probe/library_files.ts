/**
 * The shared objects fetched by scripts/libraries, embedded in the program. Imported on demand, because
 * a checkout without a build has none.
 *
 * @module
 */

import info from "../../build/info.json" with { type: "json" };
import libbpf from "../../build/lib/libbpf.so.1" with { type: "bytes" };
import libelf from "../../build/lib/libelf.so.1" with { type: "bytes" };
import libz from "../../build/lib/libz.so.1" with { type: "bytes" };

type Bytes = Uint8Array<ArrayBuffer>;

/** libbpf and its dependencies. */
export default {
  libbpf: libbpf as Bytes,
  libelf: libelf as Bytes,
  libz: libz as Bytes,
  /** Upstream versions, by name. */
  versions: info.libraries,
};
