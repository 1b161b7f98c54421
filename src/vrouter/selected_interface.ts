/**
 * A selected interface.
 *
 * @module
 */

/** An interface whose packets are traced. */
export interface SelectedInterface {
  /** Inode of the network namespace that `ifindex` belongs to (`net->ns.inum`). */
  readonly netns: number;
  /** Index of the network device; 0 for a vif without one. */
  readonly ifindex: number;
  /** Index of the vif; `null` for a plain network device. */
  readonly vifIndex: number | null;
  /** Set for an internal device of vrouter that also carries packets of vifs that are not selected. */
  readonly shared?: "rps" | "gro";
}
