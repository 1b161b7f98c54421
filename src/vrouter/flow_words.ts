/**
 * Entries of the flow table in the words of vrouter's `flow`: its tables are plain #defines, which no BTF
 * has.
 *
 * @module
 */

/** Letters of `fe_action`. */
const DROP = 0;
const NAT = 3;
const ACTIONS = ["D", "H", "F", "N"] as const;

/** Words of `fe_drop_reason`. */
const DROP_REASONS = [
  "Unknown",
  "IntfErr",
  "Ipv4Dis",
  "VrfErr",
  "NoSrcRt",
  "NoDstRt",
  "Audit",
  "VrfChange",
  "NoRevFlow",
  "RevFlowChng",
  "NatChng",
  "FlowLim",
  "LinkSrcNatErr",
  "VrouterInstallFail",
  "InvalidL2Flow",
  "TSNFlow",
  "NoMirrorentry",
  "SameFlowRflowKey",
  "NoFipPortMap",
  "NoSrcRtRpfNh",
  "FatFlowNatConflict",
  "Policy",
  "OutPolicy",
  "SG",
  "OutSG",
  "RevSG",
  "RevOutSG",
  "FwPolicy",
  "OutFwPolicy",
  "RevFwPolicy",
  "RevOutFwPolicy",
  "FWAASPolicy",
  "OutFWAASPolicy",
  "RevFWAASPolicy",
  "RevOutFWAASPolicy",
] as const;

/** Words of the NAT bits of `fe_flags`, in the order of `flow`. */
const NAT_FLAGS: readonly (readonly [number, string])[] = [
  [0x2, "S"],
  [0x8, "D"],
  [0x4, "Ps"],
  [0x10, "Pd"],
  [0x8000, "L"],
];

/** What {@linkcode flowAction} has for an action that is not known. */
export const UNKNOWN_ACTION = "U";

/** What an entry of the flow table does to packets; `null` for what is not known. */
export interface FlowActionFields {
  readonly action: number | null;
  /** fe_drop_reason */
  readonly dropReason: number | null;
  /** fe_flags */
  readonly flags: number | null;
}

/** As `flow` prints it behind `Action:`: `D(SG)`, `F`, `H`, `N(SPs)`; `U` if the action is unknown. */
export function flowAction({ action, dropReason, flags }: FlowActionFields): string {
  const letter = action === null ? UNKNOWN_ACTION : ACTIONS[action] ?? UNKNOWN_ACTION;
  if (action === DROP && dropReason !== null) return `${letter}(${flowDropReason(dropReason)})`;
  if (action === NAT && flags !== null) {
    const kinds = NAT_FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word);
    return `${letter}(${kinds.join("")})`;
  }
  return letter;
}

/** As `flow` prints `fe_drop_reason`; the number if it has no word. */
export function flowDropReason(reason: number): string {
  return DROP_REASONS[reason] ?? String(reason);
}
