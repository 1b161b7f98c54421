// What the tests have the launcher start: it tells how it was started, and ends as it is told.

const [command, value] = Deno.args;
switch (command) {
  case "exit":
    Deno.exit(Number(value));
    break;
  case "wait":
    console.log("waiting");
    setInterval(() => {}, 1_000_000);
    break;
  case "throw":
    await Promise.resolve();
    throw new Error("thrown");
  default:
    console.log(JSON.stringify({
      arguments: Deno.args,
      cache: programCache || null,
      commandLine: Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1),
      directory: Deno.cwd(),
      environment: Deno.env.toObject(),
      executable: Deno.readLinkSync("/proc/self/exe"),
      files: Object.fromEntries(
        ["two", "none", "one"].map((name) => [name, new TextDecoder().decode(packedFile(name))]),
      ),
      libraries: [
        ...new Set(Deno.readTextFileSync("/proc/self/maps").match(/\/\S*(?:\.so|memfd:).*/g)),
      ],
      name: Deno.readTextFileSync("/proc/self/comm").trimEnd(),
    }));
}
