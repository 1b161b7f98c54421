// SPDX-License-Identifier: GPL-2.0
/*
 * Packet operations of the router on sk_buffs.
 *
 * skb->data is stale while the router has the packet (see struct vr_packet),
 * but keeps its distance to skb->head. So do the packet's offsets, which shift
 * with the headroom of the skb.
 */
#include <linux/skbuff.h>

#include "vrouter.h"

/* Bytes by which the router has moved the start of the data forward. */
static int lh_moved(struct vr_packet *pkt)
{
	return pkt->vp_data - (int)skb_headroom(vp_os_packet(pkt));
}

/* After a change of skb->head with the same headroom. */
static void lh_reset_head(struct vr_packet *pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);

	pkt->vp_head = skb->head;
	pkt->vp_tail = skb_tail_pointer(skb) - skb->head;
	pkt->vp_end = skb_end_offset(skb);
}

/* skb->cb, with the struct vr_packet, is copied to the clone. */
static struct vr_packet *lh_pclone(struct vr_packet *pkt)
{
	struct sk_buff *skb = skb_clone(vp_os_packet(pkt), GFP_ATOMIC);

	return skb ? (struct vr_packet *)skb->cb : NULL;
}

/* Unshares the packet's data, with head_room bytes before vp_data. */
static int lh_pcow(struct vr_packet **pktp, unsigned short head_room)
{
	struct vr_packet *pkt = *pktp;
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned int old_room = skb_headroom(skb);
	unsigned int shift;

	if (skb_cow(skb, max(head_room - lh_moved(pkt), 0)))
		return -ENOMEM;
	/* The offsets have 16 bits. */
	if (skb_end_offset(skb) > U16_MAX)
		return -ENOMEM;

	shift = skb_headroom(skb) - old_room;
	pkt->vp_data += shift;
	if (pkt->vp_network_h)
		pkt->vp_network_h += shift;
	if (pkt->vp_inner_network_h)
		pkt->vp_inner_network_h += shift;
	lh_reset_head(pkt);
	return 0;
}

static void lh_pfree(struct vr_packet *pkt, unsigned short reason)
{
	pkt_drop_stats(pkt->vp_if, reason, pkt->vp_cpu);
	kfree_skb(vp_os_packet(pkt));
}

/* Number of non-linear bytes. */
static unsigned int lh_pfrag_len(struct vr_packet *pkt)
{
	return vp_os_packet(pkt)->data_len;
}

/* Makes len bytes from vp_data on linear; non-zero on failure. */
static int lh_pkt_may_pull(struct vr_packet *pkt, unsigned int len)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	int moved = lh_moved(pkt);

	if (moved + (int)len < 0 || !pskb_may_pull(skb, moved + len))
		return -ENOMEM;
	if (skb_end_offset(skb) > U16_MAX)
		return -ENOMEM;

	pkt->vp_len = skb_headlen(skb) - moved;
	lh_reset_head(pkt);
	return 0;
}

static const struct host_os linux_host = {
	.hos_pclone		= lh_pclone,
	.hos_pcow		= lh_pcow,
	.hos_pfree		= lh_pfree,
	.hos_pfrag_len		= lh_pfrag_len,
	.hos_pkt_may_pull	= lh_pkt_may_pull,
};

const struct host_os *vrouter_host __ro_after_init = &linux_host;

/* For an skb without a valid struct vr_packet. */
noinline void lh_pfree_skb(struct sk_buff *skb, struct vr_interface *vif,
			   unsigned short reason)
{
	pkt_drop_stats(vif, reason, raw_smp_processor_id() & U8_MAX);
	kfree_skb(skb);
}
