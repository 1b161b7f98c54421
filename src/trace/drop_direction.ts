/**
 * Which way a dropped packet went past its vif: the functions that led to the drop tell.
 *
 * @module
 */

/** Came in by the vif or device, or was to go out by it. */
export type DropDirection = "receive" | "transmit";

/**
 * vrouter's functions that send by a vif. What they free by `lh_pfree_skb()` is charged to that vif; all
 * else to the one that the packet came in by.
 */
const SENDING = /^linux_(?:if_tx|xmit|gso_xmit|inet_fragment)/;

/** Functions of the kernel that receive, and those that send. The innermost of both kinds decides. */
const KERNEL_RECEIVES = /netif_receive_skb|netif_rx|_rcv(?:_core)?$|backlog|rx_handler/;
const KERNEL_SENDS = /xmit|qdisc|_output(?:_core|_finish\d?)?$/;

/**
 * The direction of a drop in vrouter.
 *
 * @param stack names of functions, the caller of the dropping one first
 */
export function vrouterDirection([caller = ""]: readonly string[]): DropDirection {
  return SENDING.test(caller) ? "transmit" : "receive";
}

/** The direction of a drop in the kernel; `null` if unknown. */
export function kernelDirection(stack: readonly string[]): DropDirection | null {
  for (const name of stack) {
    if (KERNEL_RECEIVES.test(name)) return "receive";
    if (KERNEL_SENDS.test(name)) return "transmit";
  }
  return null;
}
