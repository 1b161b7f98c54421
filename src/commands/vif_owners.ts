/**
 * Loads what knows whose a vif is, if that is asked for (`--agent`).
 *
 * @module
 */

import type { AgentNames } from "./agent_names.ts";
import type { Surroundings } from "./session.ts";

/**
 * Asks the vRouter agent, and waits a moment for what it says.
 *
 * @param url of its introspect; `null` not to ask
 * @returns disposed of with the trace
 * @throws {Failure} `usage` if the environment names certificates that cannot be used
 */
export async function namesOf(
  url: string | null,
  { log, stop, resources }: Surroundings,
): Promise<AgentNames | null> {
  if (url === null) return null;
  const { openAgentNames } = await import("./agent_names.ts");
  return resources.use(await openAgentNames(url, log, stop));
}
