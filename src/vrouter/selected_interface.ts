/**
 * An interface that a trace is about.
 *
 * @module
 */

/** An interface that the trace keeps the packets of. */
export interface SelectedInterface {
  /** Inode of the network namespace that `ifindex` belongs to (`net->ns.inum`). */
  readonly netns: number;
  /** Number of the network device; 0 for a vif without one. */
  readonly ifindex: number;
  /** Index of the vif; `null` for a plain network device. */
  readonly vifIndex: number | null;
  /** Set for one of vrouter's own devices that carries packets of vifs that are not selected, too. */
  readonly shared?: "rps" | "gro";
}
