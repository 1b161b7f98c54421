import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** What vrft ends with: its status, and what it says. */
async function end(...args: string[]): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "src/main.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "");
  return { code, said: new TextDecoder().decode(stderr) };
}

Deno.test("a wrong filter ends with 2, whoever runs vrft, and with libpcap's words", async () => {
  assert.deepEqual(await end("icmp", "andd"), {
    code: 2,
    said: `vrft: Cannot use the packet filter "icmp andd": ` +
      "can't parse filter expression: syntax error\nSee 'vrft --help'\n",
  });
  assert.deepEqual(await end("--inner", "ip broadcast"), {
    code: 2,
    said: `vrft: Cannot use the packet filter "ip broadcast": netmask not known, so ` +
      "'ip broadcast' not supported\nSee 'vrft --help'\n",
  });
});

Deno.test("each command ends with 2 for a wrong filter, and names its own help", async () => {
  const recording = "tests/data/ping-and-drop.vrft";
  const commands = [
    ["drops", "--from", recording],
    ["packets", "--from", recording],
    ["record", "-o", "/dev/null"],
    ["export", recording, "--format", "text"],
  ];
  for (const [command, ...args] of commands) {
    assert.deepEqual(await end(command!, ...args, "andd"), {
      code: 2,
      said: `vrft: Cannot use the packet filter "andd": ` +
        `can't parse filter expression: syntax error\nSee 'vrft ${command} --help'\n`,
    });
  }
});

Deno.test("a word that may be a wrong command or a wrong filter is answered as both", async () => {
  assert.deepEqual(await end("functons"), {
    code: 2,
    said: `vrft: Cannot use the packet filter "functons": ` +
      "can't parse filter expression: syntax error\n" +
      "vrft: Did you mean the command 'functions'?\nSee 'vrft --help'\n",
  });
});
