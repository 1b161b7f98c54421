/**
 * Traffic beyond pings between the VMs: held flows, tunnels and TCP.
 *
 * @module
 */

import { must, run } from "./support.ts";
import { type Flow, flows } from "./vrouter.ts";
import { until } from "./until.ts";

/** The options of vif-add for tap1: flags 1 is policy, by which each of its new flows is on hold. */
export function policy(flags: number): Promise<string> {
  return must("vif-add", "tap1", "1", "3", "0", `${flags}`);
}

/**
 * Starts echo requests from vm1 with an id of their own, and waits until all of them have been sent.
 *
 * @param wait seconds for the last answer
 */
export async function pingHeld(
  id: number,
  count: number,
  wait: number,
): Promise<{ flow: Flow; ended: Promise<string> }> {
  const options = ["-e", `${id}`, "-c", `${count}`, "-i", "0.2", "-W", `${wait}`];
  const ended = run("ip", ["netns", "exec", "vm1", "ping", ...options, "10.1.1.2"])
    .then(({ stdout }) => stdout);
  const flow = await until(
    `${count} packets of flow ${id}`,
    () => flows().find(({ sourcePort, packets }) => sourcePort === id && packets === count),
  );
  return { flow, ended };
}

/** The script that sets up the tunnels. */
export const TUNNELS = new URL("../tunnels.sh", import.meta.url).pathname;
/** In hexadecimal 1388. */
const PORT = "5000";

/** A counter of a network device, such as rx_packets. */
export function statistic(device: string, name: string): number {
  return Number(Deno.readTextFileSync(`/sys/class/net/${device}/statistics/${name}`));
}

/**
 * Sends by TCP from vm1 to the namespace behind the fabric; returns what arrives.
 *
 * @param source shell command whose output is sent; bash opens the connection, and the size of the
 * command's writes is that of the packets, up to that of GSO
 */
export async function transfer(source: string): Promise<string> {
  // Its stdin stays open: it would close the connection at its end.
  const server = new Deno.Command("ip", {
    args: ["netns", "exec", "far", "nc", "-l", "-p", PORT],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const listens = () =>
    ["tcp", "tcp6"].map((table) => Deno.readTextFileSync(`/proc/${server.pid}/net/${table}`))
      .some((table) => /:1388 0+:0000 0A /.test(table));
  await until("a listening server", () => listens());
  const send = `${source} >/dev/tcp/10.1.1.9/${PORT}`;
  const [received] = await Promise.all([
    new Response(server.stdout).text(),
    must("ip", "netns", "exec", "vm1", "bash", "-c", send),
  ]);
  await server.stdin.close();
  await server.status;
  return received;
}
