import assert from "node:assert/strict";
import { ModuleWatch } from "../../src/sys/module_events.ts";
import { openDescriptors } from "../support/descriptors.ts";

/**
 * A directory of modules as /sys/module is one, but for the kernel's announcements: that those are
 * heard, tests/vm/guest/reload_test.ts shows.
 */
class Modules implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly #gone = Deno.makeTempDirSync();
  #count = 0;

  load(name: string): void {
    Deno.mkdirSync(`${this.path}/${name}`);
  }

  unload(name: string): void {
    // Not removed: its number could be given to the next one, which sysfs does not do.
    Deno.renameSync(`${this.path}/${name}`, `${this.#gone}/${this.#count++}`);
  }

  [Symbol.dispose](): void {
    for (const path of [this.path, this.#gone]) Deno.removeSync(path, { recursive: true });
  }
}

Deno.test("ModuleWatch says nothing of a module that stays, whatever others do", () => {
  using modules = new Modules();
  modules.load("vrouter");
  using watch = new ModuleWatch("vrouter", modules.path);
  assert.equal(watch.state(), "same");
  modules.load("veth");
  modules.load("vrouter_more");
  modules.unload("veth");
  assert.equal(watch.state(), "same");
});

Deno.test("ModuleWatch notices that the module is unloaded, and then loaded anew", () => {
  using modules = new Modules();
  modules.load("vrouter");
  using watch = new ModuleWatch("vrouter", modules.path);
  modules.unload("vrouter");
  assert.equal(watch.state(), "unloaded");
  assert.equal(watch.state(), "unloaded");
  modules.load("vrouter");
  assert.equal(watch.state(), "replaced");
  assert.equal(watch.state(), "replaced");
});

Deno.test("ModuleWatch notices another module of the same name when it looks only then", () => {
  using modules = new Modules();
  modules.load("vrouter");
  using watch = new ModuleWatch("vrouter", modules.path);
  modules.unload("vrouter");
  modules.load("vrouter");
  assert.equal(watch.state(), "replaced");
});

Deno.test("ModuleWatch of a module that was never there has nothing to tell", () => {
  using modules = new Modules();
  using watch = new ModuleWatch("vrouter", modules.path);
  assert.equal(watch.state(), "same");
});

Deno.test("ModuleWatch listens to the kernel with one socket, and closes it once", () => {
  using modules = new Modules();
  const before = openDescriptors("socket:");
  const watch = new ModuleWatch("vrouter", modules.path);
  assert.equal(openDescriptors("socket:"), before + (watch.fd === null ? 0 : 1));
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  assert.equal(openDescriptors("socket:"), before);
  assert.equal(watch.fd, null);
});
