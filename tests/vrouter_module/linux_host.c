// SPDX-License-Identifier: GPL-2.0
/*
 * Packet operations of the router on sk_buffs.
 *
 * skb->data is stale while the router has the packet (see struct vr_packet),
 * but keeps its distance to skb->head. So do the packet's offsets, which shift
 * with the headroom of the skb.
 */
#include <linux/ip.h>
#include <linux/jhash.h>
#include <linux/moduleparam.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <linux/workqueue.h>
#include <net/ip.h>

#include "vr_compat.h"
#include "vrouter.h"

/* VXLAN's source ports start here: RFC 7348. */
#define VR_UDP_PORT_RANGE_START	49152

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

static struct vr_packet *lh_palloc(unsigned int size)
{
	struct sk_buff *skb = alloc_skb(size, GFP_ATOMIC);
	struct vr_packet *pkt;

	if (!skb)
		return NULL;

	pkt = (struct vr_packet *)skb->cb;
	*pkt = (struct vr_packet) {
		.vp_head = skb->head,
		.vp_cpu = raw_smp_processor_id() & U8_MAX,
		.vp_ttl = VP_TTL_DEFAULT,
		.vp_queue = VP_QUEUE_INVALID,
		.vp_priority = VP_PRIORITY_INVALID,
		/* The offsets have 16 bits. */
		.vp_end = min_t(unsigned int, skb_end_offset(skb), U16_MAX),
	};
	return pkt;
}

/* As if there was no memory for the next so many clones. */
static int vr_fail_clones;
module_param(vr_fail_clones, int, 0644);

/* skb->cb, with the struct vr_packet, is copied to the clone. */
static struct vr_packet *lh_pclone(struct vr_packet *pkt)
{
	struct sk_buff *skb = NULL;

	if (likely(READ_ONCE(vr_fail_clones) <= 0))
		skb = skb_clone(vp_os_packet(pkt), GFP_ATOMIC);
	else
		vr_fail_clones--;

	return skb ? (struct vr_packet *)skb->cb : NULL;
}

static int lh_pcopy(unsigned char *dst, struct vr_packet *pkt,
		    unsigned int offset, unsigned int len)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	int start = lh_moved(pkt) + (int)offset;

	return skb_copy_bits(skb, start, dst, len) ? -EFAULT : (int)len;
}

/* After a change of skb->head and of the headroom, which was old_room. */
static int lh_shift_head(struct vr_packet *pkt, unsigned int old_room)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned int shift = skb_headroom(skb) - old_room;

	/* The offsets have 16 bits. */
	if (skb_end_offset(skb) > U16_MAX)
		return -ENOMEM;

	pkt->vp_data += shift;
	if (pkt->vp_network_h)
		pkt->vp_network_h += shift;
	if (pkt->vp_inner_network_h)
		pkt->vp_inner_network_h += shift;
	lh_reset_head(pkt);
	return 0;
}

/* Unshares the packet's data, with head_room bytes before vp_data. */
static int lh_pcow(struct vr_packet **pktp, unsigned short head_room)
{
	struct vr_packet *pkt = *pktp;
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned int old_room = skb_headroom(skb);

	if (skb_cow(skb, max(head_room - lh_moved(pkt), 0)))
		return -ENOMEM;

	return lh_shift_head(pkt, old_room);
}

static int lh_pexpand_head(struct vr_packet *pkt, unsigned int hspace)
{
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned int old_room = skb_headroom(skb);

	if (pskb_expand_head(skb, hspace, 0, GFP_ATOMIC))
		return -ENOMEM;

	return lh_shift_head(pkt, old_room);
}

static u16 lh_get_udp_src_port(struct vr_packet *pkt,
			       struct vr_forwarding_md *fmd, unsigned short vrf)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	u32 hash = vrf;

	if (pkt->vp_type == VP_TYPE_IP)
		hash = jhash_3words((__force u32)ip->saddr,
				    (__force u32)ip->daddr, ip->protocol, vrf);

	return VR_UDP_PORT_RANGE_START +
	       hash % (U16_MAX + 1 - VR_UDP_PORT_RANGE_START);
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

static unsigned int lh_pgso_size(struct vr_packet *pkt)
{
	return skb_shinfo(vp_os_packet(pkt))->gso_size;
}

static void lh_preset(struct vr_packet *pkt)
{
	struct sk_buff *skb = vp_os_packet(pkt);

	pkt->vp_data = skb_headroom(skb);
	pkt->vp_tail = skb_tail_pointer(skb) - skb->head;
	pkt->vp_len = skb_headlen(skb);
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

static void *lh_pheader_pointer(struct vr_packet *pkt, unsigned short len,
				void *buf)
{
	return skb_header_pointer(vp_os_packet(pkt), lh_moved(pkt), len, buf);
}

/* False if the sender has made a checksum, and it is wrong. */
static bool lh_udp_csum_is_valid(struct vr_packet *pkt)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	const struct udphdr *udp = (struct udphdr *)pkt_data(pkt);
	struct sk_buff *skb = vp_os_packet(pkt);
	unsigned int len = ntohs(udp->len);

	if (!udp->check || skb->ip_summed != CHECKSUM_NONE ||
	    len > pkt_len(pkt))
		return true;

	return !csum_tcpudp_magic(ip->saddr, ip->daddr, len, IPPROTO_UDP,
				  skb_checksum(skb, lh_moved(pkt), len, 0));
}

/* Never has all it needs, and leaves the packet to lh_pull_inner_headers(). */
static int lh_pull_inner_headers_fast(struct vr_packet *pkt,
				      unsigned char protocol,
				      vr_tunnel_type_cb tunnel_type, int *ret,
				      int *encap_type)
{
	/* Without an effect, the compiler would remove the call. */
	barrier();
	return 1;
}

/* Up to the first bytes of the inner packet; 0 with the reason to drop it. */
static int lh_pull_inner_headers(struct vr_packet *pkt, unsigned char protocol,
				 unsigned short *reason,
				 vr_tunnel_type_cb tunnel_type)
{
	bool gre = protocol == IPPROTO_GRE;
	const struct udphdr *udp;
	unsigned int len = gre ? VR_GRE_HDR_LEN + VR_MPLS_HDR_LEN :
				 sizeof(struct udphdr) + sizeof(struct vr_vxlan);

	*reason = VP_DROP_PULL;
	if (!pkt_may_pull(pkt, len + sizeof(struct iphdr)))
		return 0;

	if (gre)
		return tunnel_type(get_unaligned_be32(pkt_data(pkt) + VR_GRE_HDR_LEN),
				   0, reason) >= 0;

	*reason = VP_DROP_CKSUM_ERR;
	if (!lh_udp_csum_is_valid(pkt))
		return 0;

	udp = (struct udphdr *)pkt_data(pkt);
	if (udp->dest != htons(VR_MPLS_OVER_UDP_DST_PORT))
		return 1;

	return tunnel_type(get_unaligned_be32(udp + 1), 0, reason) >= 0;
}

/* The stand-in does not change the MSS of TCP. */
static unsigned short lh_pkt_from_vm_tcp_mss_adj(struct vr_packet *pkt,
						 unsigned short overlay_len)
{
	/* Without an effect, the compiler would remove the call. */
	barrier();
	return 0;
}

static int lh_enqueue_to_assembler(struct vrouter *router,
				   struct vr_packet *pkt,
				   struct vr_forwarding_md *fmd)
{
	if (!vr_fragment_enqueue(router, pkt, fmd))
		vr_assembler_wake();
	return 0;
}

static const struct host_os linux_host = {
	.hos_palloc		= lh_palloc,
	.hos_pclone		= lh_pclone,
	.hos_pcopy		= lh_pcopy,
	.hos_pcow		= lh_pcow,
	.hos_pfree		= lh_pfree,
	.hos_pfrag_len		= lh_pfrag_len,
	.hos_pexpand_head	= lh_pexpand_head,
	.hos_get_udp_src_port	= lh_get_udp_src_port,
	.hos_pgso_size		= lh_pgso_size,
	.hos_pkt_may_pull	= lh_pkt_may_pull,
	.hos_preset		= lh_preset,
	.hos_pheader_pointer	= lh_pheader_pointer,
	.hos_pull_inner_headers_fast = lh_pull_inner_headers_fast,
	.hos_pull_inner_headers	= lh_pull_inner_headers,
	.hos_pkt_from_vm_tcp_mss_adj = lh_pkt_from_vm_tcp_mss_adj,
	.hos_enqueue_to_assembler = lh_enqueue_to_assembler,
};

const struct host_os *vrouter_host __ro_after_init = &linux_host;

/* For an skb without a valid struct vr_packet. */
noinline void lh_pfree_skb(struct sk_buff *skb, struct vr_interface *vif,
			   unsigned short reason)
{
	pkt_drop_stats(vif, reason, raw_smp_processor_id() & U8_MAX);
	kfree_skb(skb);
}

struct work_arg {
	struct work_struct wa_work;
	void (*wa_fn)(void *arg);
	void *wa_arg;
};

static struct workqueue_struct *vr_default_wq;

/*
 * Bottom halves stay enabled: what a packet raises on its way out, such as the
 * reception of its answer, runs inside of its own transmission.
 */
static void lh_work(struct work_struct *work)
{
	struct work_arg *wa = container_of(work, struct work_arg, wa_work);

	rcu_read_lock();
	wa->wa_fn(wa->wa_arg);
	rcu_read_unlock();
	kfree(wa);
}

int lh_schedule_work(unsigned int cpu, void (*fn)(void *), void *arg)
{
	struct work_arg *wa = kzalloc(sizeof(*wa), GFP_KERNEL);

	if (!wa)
		return -ENOMEM;

	wa->wa_fn = fn;
	wa->wa_arg = arg;
	INIT_WORK(&wa->wa_work, lh_work);
	queue_work_on(cpu, vr_default_wq, &wa->wa_work);
	return 0;
}

int vr_allocate_default_wq(void)
{
	vr_default_wq = alloc_workqueue("vr_default_wq", WQ_PERCPU, 0);
	return vr_default_wq ? 0 : -ENOMEM;
}

void vr_destroy_default_wq(void)
{
	destroy_workqueue(vr_default_wq);
}
