/**
 * The page without its data, made by scripts/build of src/page and embedded in the program.
 *
 * @module
 */

import page from "../../../build/page.html" with { type: "bytes" };

export default page as Uint8Array<ArrayBuffer>;
