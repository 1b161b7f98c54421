import assert from "node:assert/strict";
import { findDpdkVrouter } from "../../src/vrouter/dpdk.ts";
import { VrouterAbsentError } from "../../src/vrouter/module_client.ts";

/** Runs `test` with a procfs of these command lines, by process. */
function withProcesses(
  processes: Readonly<Record<string, readonly string[]>>,
  test: (proc: string) => void,
): void {
  const proc = Deno.makeTempDirSync();
  try {
    for (const [name, words] of Object.entries(processes)) {
      Deno.mkdirSync(`${proc}/${name}`);
      Deno.writeTextFileSync(`${proc}/${name}/cmdline`, words.map((word) => `${word}\0`).join(""));
    }
    test(proc);
  } finally {
    Deno.removeSync(proc, { recursive: true });
  }
}

Deno.test("findDpdkVrouter() finds the process by the program it runs", () => {
  withProcesses({
    "1": ["/sbin/init"],
    "2": [],
    "37": ["grep", "contrail-vrouter-dpdk"],
    "812": ["/usr/bin/contrail-vrouter-dpdk", "--no-daemon", "--socket-mem", "1024"],
  }, (proc) => {
    assert.deepEqual(findDpdkVrouter(proc), { pid: 812, program: "contrail-vrouter-dpdk" });
  });
  withProcesses({ "9": ["vrouter-dpdk"] }, (proc) => {
    assert.deepEqual(findDpdkVrouter(proc), { pid: 9, program: "vrouter-dpdk" });
  });
});

Deno.test("findDpdkVrouter() finds none among others, nor where processes are hidden", () => {
  withProcesses({
    "37": ["tail", "-f", "/var/log/contrail/contrail-vrouter-dpdk"],
    "38": ["/usr/bin/contrail-vrouter-agent"],
    "39": ["/usr/bin/contrail-vrouter-dpdk.sh"],
    "self": ["vrouter-dpdk"],
  }, (proc) => assert.equal(findDpdkVrouter(proc), null));
  assert.equal(findDpdkVrouter("/nonexistent"), null);
});

Deno.test("VrouterAbsentError names a DPDK vRouter, and what to use instead of loading a module", () => {
  const advice = ", or trace plain network devices with --no-vrouter";
  const { message } = new VrouterAbsentError("list the vifs", advice, null, {
    pid: 812,
    program: "contrail-vrouter-dpdk",
  });
  assert.match(message, /^Cannot list the vifs: .*DPDK \(contrail-vrouter-dpdk, process 812\)/);
  assert.match(message, /vifdump.*dropstats/);
  assert.doesNotMatch(message, /load it/);
  assert.equal(
    new VrouterAbsentError("list the vifs", advice, null, null).message,
    `Cannot list the vifs: the vrouter kernel module is not loaded; load it${advice}`,
  );
});
