// SPDX-License-Identifier: GPL-2.0
/*
 * The flow table. A vif without policy forwards without looking here. On a vif
 * with policy the first packet of a 5-tuple adds a flow on hold, and the agent
 * is sent a copy. The flow keeps its first packets until a request decides about
 * them; a work item then drops or forwards what is held.
 *
 * Packets look flows up under RCU. vr_flow_lock serialises adding; changes are
 * made under rtnl; an entry is only reused a grace period after its deletion.
 */
#include <linux/ip.h>
#include <linux/jhash.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/proc_fs.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <linux/vmalloc.h>

#include "vr_flow.h"
#include "vr_requests.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_FLOW_C

#define VR_FLOW_BUCKETS			4096
#define VR_FLOW_ENTRIES_PER_BUCKET	4
#define VR_FLOW_ENTRIES			(VR_FLOW_BUCKETS * VR_FLOW_ENTRIES_PER_BUCKET)

/* Those that come with a request. */
#define VR_FLOW_FLAG_REQUESTED \
	(VR_FLOW_FLAG_SNAT | VR_FLOW_FLAG_SPAT | VR_FLOW_FLAG_DNAT | \
	 VR_FLOW_FLAG_DPAT | VR_RFLOW_VALID | VR_FLOW_FLAG_VRFT)

#define VR_FLOW_PROC_NAME		"vrouter_flow"

/* Further new flows are dropped while more than this are on hold; 0: no limit. */
static unsigned int vr_flow_hold_limit = 8192;
module_param(vr_flow_hold_limit, uint, 0644);

/* Places for new flows of one hash, up to 4. */
static unsigned int vr_flow_bucket_entries = VR_FLOW_ENTRIES_PER_BUCKET;
module_param(vr_flow_bucket_entries, uint, 0644);

static struct vr_flow_entry *vr_flow_table;
static DEFINE_SPINLOCK(vr_flow_lock);
static atomic_t vr_flow_hold_count;

/* A change of a flow that a work item completes. */
struct vr_flow_md {
	struct vrouter *flmd_router;
	unsigned int flmd_index;
	unsigned short flmd_flags;
	struct vr_flow_queue *flmd_queue;
	struct rcu_head flmd_rcu;
};

struct vr_flow_entry *vr_flow_get_entry(struct vrouter *router, int index)
{
	struct vr_flow_entry *fe;

	if (index < 0 || index >= VR_FLOW_ENTRIES)
		return NULL;

	fe = &vr_flow_table[index];
	/* Pairs with the release in vr_flow_get_free_entry(). */
	return smp_load_acquire(&fe->fe_flags) & VR_FLOW_FLAG_ACTIVE ? fe : NULL;
}

static unsigned int vr_flow_bucket(const struct vr_flow *key)
{
	return jhash(key, key->flow_key_len, 0) % VR_FLOW_BUCKETS *
	       VR_FLOW_ENTRIES_PER_BUCKET;
}

static struct vr_flow_entry *vr_find_flow(struct vrouter *router,
					  const struct vr_flow *key,
					  unsigned int *fe_index)
{
	unsigned int first = vr_flow_bucket(key), i;
	struct vr_flow_entry *fe;

	for (i = first; i < first + VR_FLOW_ENTRIES_PER_BUCKET; i++) {
		fe = vr_flow_get_entry(router, i);
		if (fe && !memcmp(&fe->fe_key, key, key->flow_key_len)) {
			*fe_index = i;
			return fe;
		}
	}

	return NULL;
}

/* Under vr_flow_lock. NULL if the bucket is full. */
static struct vr_flow_entry *
vr_flow_get_free_entry(struct vrouter *router, const struct vr_flow *key,
		       u8 type, u8 action, unsigned short vrf,
		       unsigned int *fe_index)
{
	unsigned int first = vr_flow_bucket(key), i;
	struct vr_flow_queue *queue = NULL;
	struct vr_flow_entry *fe;
	unsigned int last;
	u8 gen_id;

	last = first + min_t(unsigned int, READ_ONCE(vr_flow_bucket_entries),
			     VR_FLOW_ENTRIES_PER_BUCKET);
	for (i = first; i < last; i++)
		if (!vr_flow_table[i].fe_flags)
			break;
	if (i == last)
		return NULL;

	if (action == VR_FLOW_ACTION_HOLD) {
		queue = kzalloc(sizeof(*queue), GFP_ATOMIC);
		if (!queue)
			return NULL;
		queue->vfq_index = i;
		atomic_inc(&vr_flow_hold_count);
	}

	fe = &vr_flow_table[i];
	gen_id = fe->fe_gen_id + 1;
	*fe = (struct vr_flow_entry) {
		.fe_hentry = { .hentry_index = i },
		.fe_key = *key,
		.fe_gen_id = gen_id,
		.fe_type = type,
		.fe_action = action,
		.fe_hold_list = queue,
		.fe_rflow = -1,
		.fe_ecmp_nh_index = -1,
		.fe_underlay_ecmp_index = -1,
		.fe_vrf = vrf,
	};
	/* Who sees the flag also sees the rest. */
	smp_store_release(&fe->fe_flags,
			  VR_FLOW_FLAG_ACTIVE | VR_FLOW_FLAG_NEW_FLOW);
	*fe_index = i;
	return fe;
}

/* Packets clear flags, too. */
static void vr_flow_change_flags(struct vr_flow_entry *fe, unsigned short clear,
				 unsigned short set)
{
	spin_lock_bh(&vr_flow_lock);
	WRITE_ONCE(fe->fe_flags, (fe->fe_flags & ~clear) | set);
	spin_unlock_bh(&vr_flow_lock);
}

static void vr_flow_reset_entry(struct vr_flow_entry *fe)
{
	WRITE_ONCE(fe->fe_flags, 0);
}

noinline void vr_flow_fill_pnode(struct vr_packet_node *pnode,
				 struct vr_packet *pkt,
				 struct vr_forwarding_md *fmd)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);

	/* The nexthop may be gone when the packet goes on. */
	pkt->vp_nh = NULL;

	pnode->pl_flags = vr_ip_fragment_head(ip) ? PN_FLAG_FRAGMENT_HEAD : 0;
	pnode->pl_inner_src_ip = ip->saddr;
	pnode->pl_inner_dst_ip = ip->daddr;
	pnode->pl_outer_src_ip = fmd->fmd_outer_src_ip;
	pnode->pl_vif_idx = pkt->vp_if->vif_idx;
	pnode->pl_label = fmd->fmd_label;
	pnode->pl_vrf = fmd->fmd_dvrf;
	pnode->pl_vlan = fmd->fmd_vlan;
	/* Pairs with the acquire in vr_flow_flush_pnode(). */
	smp_store_release(&pnode->pl_packet, pkt);
}

/* Keeps the packet, without freeing it, or drops it. */
static void vr_enqueue_flow(struct vrouter *router, struct vr_flow_entry *fe,
			    struct vr_packet *pkt, unsigned int index,
			    struct vr_flow_stats *stats,
			    struct vr_forwarding_md *fmd)
{
	struct vr_flow_queue *vfq = READ_ONCE(fe->fe_hold_list);
	struct vr_packet_node *pnode;
	unsigned int i;

	if (!vfq) {
		vr_drop(pkt, VP_DROP_FLOW_UNUSABLE);
		return;
	}

	i = atomic_fetch_inc(&vfq->vfq_entries);
	if (i >= VR_MAX_FLOW_QUEUE_ENTRIES) {
		vr_drop(pkt, VP_DROP_FLOW_QUEUE_LIMIT_EXCEEDED);
		return;
	}

	pnode = &vfq->vfq_pnodes[i];
	vr_flow_fill_pnode(pnode, pkt, fmd);
	if (!i)
		vr_trap_flow(router, fe, pkt, index, stats, pnode);
}

/* Sends the agent a copy of the packet; without memory the packet itself. */
noinline unsigned int vr_trap_flow(struct vrouter *router,
				   struct vr_flow_entry *fe,
				   struct vr_packet *pkt, unsigned int index,
				   struct vr_flow_stats *stats,
				   struct vr_packet_node *pnode)
{
	unsigned short trap_reason = AGENT_TRAP_FLOW_ACTION_HOLD;
	struct vr_packet *npkt = vr_pclone(pkt);
	struct vr_flow_trap_arg ta;

	if (!npkt) {
		pkt_drop_stats(pkt->vp_if, VP_DROP_TRAP_ORIGINAL, pkt->vp_cpu);
		pnode->pl_packet = NULL;
		npkt = pkt;
	}

	vr_preset(npkt);

	if (fe->fe_flags & VR_FLOW_FLAG_NEW_FLOW) {
		trap_reason = AGENT_TRAP_FLOW_MISS;
		vr_flow_change_flags(fe, VR_FLOW_FLAG_NEW_FLOW, 0);
	}

	ta = (struct vr_flow_trap_arg) {
		.vfta_index = index,
		.vfta_nh_index = fe->fe_key.flow_nh_id,
		.vfta_stats = stats ? *stats : fe->fe_stats,
		.vfta_gen_id = fe->fe_gen_id,
	};
	return vr_trap(npkt, fe->fe_vrf, trap_reason, &ta);
}

static flow_result_t vr_flow_nat(struct vr_flow_entry *fe,
				 struct vr_packet *pkt,
				 struct vr_forwarding_md *fmd)
{
	if (pkt->vp_type == VP_TYPE_IP)
		return vr_inet_flow_nat(fe, pkt, fmd);

	vr_drop(pkt, VP_DROP_FLOW_ACTION_INVALID);
	return FLOW_CONSUMED;
}

static noinline __noclone flow_result_t
vr_flow_action_default(struct vrouter *router, struct vr_flow_entry *fe,
		       unsigned int index, struct vr_packet *pkt,
		       struct vr_forwarding_md *fmd)
{
	fmd->fmd_dvrf = READ_ONCE(fe->fe_flags) & VR_FLOW_FLAG_VRFT ?
				fe->fe_dvrf : fe->fe_vrf;

	switch (READ_ONCE(fe->fe_action)) {
	case VR_FLOW_ACTION_DROP:
		vr_drop(pkt, VP_DROP_FLOW_ACTION_DROP);
		return FLOW_CONSUMED;
	case VR_FLOW_ACTION_FORWARD:
		return FLOW_FORWARD;
	case VR_FLOW_ACTION_NAT:
		return vr_flow_nat(fe, pkt, fmd);
	default:
		vr_drop(pkt, VP_DROP_FLOW_ACTION_INVALID);
		return FLOW_CONSUMED;
	}
}

static noinline __noclone flow_result_t
vr_flow_action(struct vrouter *router, struct vr_flow_entry *fe,
	       unsigned int index, struct vr_packet *pkt,
	       struct vr_forwarding_md *fmd)
{
	struct vr_nexthop *src_nh;

	src_nh = __vrouter_get_nexthop(router, fe->fe_src_nh_index);
	if (!src_nh) {
		vr_drop(pkt, VP_DROP_INVALID_NH);
		return FLOW_CONSUMED;
	}

	if (src_nh->nh_validate_src &&
	    src_nh->nh_validate_src(pkt, src_nh, fmd, NULL) == NH_SOURCE_INVALID) {
		vr_drop(pkt, VP_DROP_INVALID_SOURCE);
		return FLOW_CONSUMED;
	}

	return vr_flow_action_default(router, fe, index, pkt, fmd);
}

static flow_result_t vr_do_flow_action(struct vrouter *router,
				       struct vr_flow_entry *fe,
				       unsigned int index,
				       struct vr_packet *pkt,
				       struct vr_forwarding_md *fmd)
{
	struct vr_flow_stats stats, *stats_p = NULL;
	u32 bytes;

	if (fe->fe_flags & VR_FLOW_FLAG_NEW_FLOW) {
		stats = fe->fe_stats;
		stats_p = &stats;
	}

	/* The real module takes the length again to notice an overflow. */
	bytes = fe->fe_stats.flow_bytes + pkt_len(pkt);
	if (bytes >= pkt_len(pkt))
		fe->fe_stats.flow_bytes = bytes;
	fe->fe_stats.flow_packets++;

	if (READ_ONCE(fe->fe_action) == VR_FLOW_ACTION_HOLD) {
		vr_enqueue_flow(router, fe, pkt, index, stats_p, fmd);
		return FLOW_HELD;
	}

	return vr_flow_action(router, fe, index, pkt, fmd);
}

static bool vr_flow_allow_new_flow(struct vrouter *router,
				   struct vr_packet *pkt,
				   unsigned short *drop_reason)
{
	/* As in the real module, the caller logs the reason once more. */
	*drop_reason = VP_DROP_FLOW_UNUSABLE;
	if (!vr_inet_flow_allow_new_flow(router, pkt)) {
		PKT_LOG(*drop_reason, pkt, NULL, VR_LOG_FILE, __LINE__);
		return false;
	}
	if (vr_flow_hold_limit &&
	    atomic_read(&vr_flow_hold_count) > vr_flow_hold_limit) {
		PKT_LOG(*drop_reason, pkt, NULL, VR_LOG_FILE, __LINE__);
		return false;
	}
	if (READ_ONCE(pkt->vp_if->vif_flags) & VIF_FLAG_DROP_NEW_FLOWS) {
		*drop_reason = VP_DROP_NEW_FLOWS;
		PKT_LOG(*drop_reason, pkt, NULL, VR_LOG_FILE, __LINE__);
		return false;
	}

	return true;
}

/*
 * A reset ends the flow: its further packets are evicted. In the real module the
 * entry is then soon free for the next flow; here only a request removes it.
 */
static void vr_flow_tcp_digest(struct vr_flow_entry *fe, struct vr_packet *pkt)
{
	const struct iphdr *ip = (struct iphdr *)pkt_network_header(pkt);
	const struct tcphdr *tcp = (struct tcphdr *)((u8 *)ip + 4 * ip->ihl);

	if (ip->protocol != IPPROTO_TCP || vr_ip_fragment_tail(ip) ||
	    !pkt_may_pull(pkt, (u8 *)(tcp + 1) - pkt_data(pkt)))
		return;

	/* Pulling may have moved the header. */
	ip = (struct iphdr *)pkt_network_header(pkt);
	tcp = (struct tcphdr *)((u8 *)ip + 4 * ip->ihl);
	if (tcp->rst)
		fe->fe_tcp_flags |= VR_FLOW_TCP_RST | VR_FLOW_TCP_DEAD;
}

/* NULL if the packet has been dropped. */
static struct vr_flow_entry *vr_flow_new_hold_flow(struct vrouter *router,
						   struct vr_flow *key,
						   struct vr_packet *pkt,
						   unsigned int *fe_index,
						   struct vr_forwarding_md *fmd)
{
	unsigned short drop_reason = VP_DROP_FLOW_TABLE_FULL;
	struct vr_flow_entry *fe;

	spin_lock_bh(&vr_flow_lock);
	fe = vr_find_flow(router, key, fe_index);
	if (!fe && vr_flow_allow_new_flow(router, pkt, &drop_reason)) {
		drop_reason = VP_DROP_FLOW_TABLE_FULL;
		fe = vr_flow_get_free_entry(router, key, pkt->vp_type,
					    VR_FLOW_ACTION_HOLD, fmd->fmd_dvrf,
					    fe_index);
	}
	spin_unlock_bh(&vr_flow_lock);

	if (!fe)
		vr_drop_keyed(pkt, drop_reason, key);
	return fe;
}

noinline flow_result_t vr_flow_lookup(struct vrouter *router,
				      struct vr_flow *key,
				      struct vr_packet *pkt,
				      struct vr_forwarding_md *fmd)
{
	struct vr_flow_entry *fe;
	flow_result_t result;
	unsigned int index;

	pkt->vp_flags |= VP_FLAG_FLOW_SET;

	fe = vr_find_flow(router, key, &index);
	if (!fe) {
		fe = vr_flow_new_hold_flow(router, key, pkt, &index, fmd);
		if (!fe)
			return FLOW_CONSUMED;
	}

	if (READ_ONCE(fe->fe_flags) & VR_FLOW_FLAG_EVICT_CANDIDATE)
		return FLOW_EVICT_DROP;

	fe->fe_src_info = pkt->vp_if->vif_idx;
	fmd->fmd_flow_index = index;
	vr_flow_tcp_digest(fe, pkt);
	result = vr_do_flow_action(router, fe, index, pkt, fmd);
	if (fe->fe_tcp_flags & VR_FLOW_TCP_DEAD)
		vr_flow_change_flags(fe, 0, VR_FLOW_FLAG_EVICT_CANDIDATE);
	return result;
}

noinline bool __vr_flow_forward(flow_result_t result, struct vr_packet *pkt,
				struct vr_forwarding_md *fmd)
{
	switch (result) {
	case FLOW_FORWARD:
		return true;
	case FLOW_TRAP:
		vr_trap(pkt, fmd->fmd_dvrf, AGENT_TRAP_L3_PROTOCOLS, NULL);
		return false;
	case FLOW_EVICT_DROP:
		vr_drop(pkt, VP_DROP_FLOW_EVICT);
		return false;
	case FLOW_HELD:
	case FLOW_CONSUMED:
		return false;
	case FLOW_DROP:
		vr_drop(pkt, VP_DROP_FLOW_UNUSABLE);
		return false;
	}

	return false;
}

/* The stand-in has no fat flows: all ports count. */
noinline u16 vr_flow_fat_flow_lookup(struct vrouter *router,
				     struct vr_packet *pkt, u16 l4_proto,
				     __be16 sport, __be16 dport)
{
	/* Without an effect, the compiler would remove the call. */
	barrier();
	return 0;
}

noinline bool vr_flow_forward(struct vrouter *router, struct vr_packet *pkt,
			      struct vr_forwarding_md *fmd)
{
	flow_result_t result = FLOW_FORWARD;

	if (pkt->vp_type == VP_TYPE_IP && !(pkt->vp_flags & VP_FLAG_MULTICAST))
		result = vr_inet_flow_lookup(router, pkt, fmd);

	return __vr_flow_forward(result, pkt, fmd);
}

/* Lets a held packet go on, or drops it. -EINVAL if there is none. */
noinline int vr_flow_flush_pnode(struct vrouter *router,
				 struct vr_packet_node *pnode,
				 struct vr_flow_entry *fe,
				 struct vr_forwarding_md *fmd)
{
	/* Pairs with the release in vr_flow_fill_pnode(). */
	struct vr_packet *pkt = smp_load_acquire(&pnode->pl_packet);
	struct vr_interface *vif;
	bool forward;

	if (!pkt)
		return -EINVAL;

	pnode->pl_packet = NULL;
	fmd->fmd_label = pnode->pl_label;
	fmd->fmd_dvrf = pnode->pl_vrf;
	fmd->fmd_vlan = pnode->pl_vlan;
	fmd->fmd_outer_src_ip = pnode->pl_outer_src_ip;

	/* The packet does not keep its vif from being deleted. */
	vif = __vrouter_get_interface(router, pnode->pl_vif_idx);
	if (!vif || pkt->vp_if != vif) {
		pkt->vp_if = NULL;
		vr_drop(pkt, VP_DROP_INVALID_IF);
		return -ENODEV;
	}

	if (fe)
		forward = __vr_flow_forward(vr_flow_action(router, fe,
							   fmd->fmd_flow_index,
							   pkt, fmd), pkt, fmd);
	else
		forward = vr_flow_forward(router, pkt, fmd);
	if (forward)
		vr_reinject_packet(pkt, fmd);

	return 0;
}

/* In an RCU read section; in process context with bottom halves enabled. */
static void __vr_flow_flush_hold_queue(struct vrouter *router,
				       struct vr_flow_entry *fe,
				       struct vr_flow_queue *vfq)
{
	struct vr_forwarding_md fmd;
	unsigned int i;

	for (i = 0; i < VR_MAX_FLOW_QUEUE_ENTRIES; i++) {
		vr_init_forwarding_md(&fmd);
		fmd.fmd_flow_index = vfq->vfq_index;
		vr_flow_flush_pnode(router, &vfq->vfq_pnodes[i], fe, &fmd);
	}
}

/* After a grace period: no packet is being added to the queue or the flow. */
static void vr_flow_defer_cb(struct rcu_head *head)
{
	struct vr_flow_md *flmd = container_of(head, struct vr_flow_md, flmd_rcu);
	struct vr_flow_entry *fe = &vr_flow_table[flmd->flmd_index];

	if (flmd->flmd_queue) {
		rcu_read_lock();
		__vr_flow_flush_hold_queue(flmd->flmd_router, fe,
					   flmd->flmd_queue);
		rcu_read_unlock();
		kfree(flmd->flmd_queue);
	}

	if (!(flmd->flmd_flags & VR_FLOW_FLAG_ACTIVE))
		vr_flow_reset_entry(fe);
	kfree(flmd);
}

static void vr_flush_entry(struct vrouter *router, struct vr_flow_entry *fe,
			   struct vr_flow_md *flmd)
{
	struct vr_flow_queue *vfq = READ_ONCE(fe->fe_hold_list);

	if (!vfq || READ_ONCE(fe->fe_action) == VR_FLOW_ACTION_HOLD)
		return;
	if (cmpxchg(&fe->fe_hold_list, vfq, NULL) != vfq)
		return;

	__vr_flow_flush_hold_queue(router, fe, vfq);
	flmd->flmd_queue = vfq;
}

static void vr_flow_work(void *arg)
{
	struct vr_flow_md *flmd = arg;

	vr_flush_entry(flmd->flmd_router, &vr_flow_table[flmd->flmd_index],
		       flmd);
	call_rcu(&flmd->flmd_rcu, vr_flow_defer_cb);
}

static int vr_flow_schedule_transition(struct vrouter *router,
				       unsigned int index, unsigned short flags)
{
	struct vr_flow_md *flmd = kzalloc(sizeof(*flmd), GFP_KERNEL);
	int err;

	if (!flmd)
		return -ENOMEM;

	flmd->flmd_router = router;
	flmd->flmd_index = index;
	flmd->flmd_flags = flags;
	err = vr_schedule_work(raw_smp_processor_id(), vr_flow_work, flmd);
	if (err)
		kfree(flmd);
	return err;
}

static void vr_flow_set_action(struct vr_flow_entry *fe, u8 action)
{
	if (fe->fe_action == VR_FLOW_ACTION_HOLD)
		atomic_dec(&vr_flow_hold_count);
	if (action == VR_FLOW_ACTION_HOLD)
		atomic_inc(&vr_flow_hold_count);
	WRITE_ONCE(fe->fe_action, action);
}

static int vr_flow_delete(struct vrouter *router, struct vr_flow_entry *fe,
			  unsigned int index)
{
	vr_flow_change_flags(fe, 0, VR_FLOW_FLAG_DELETE_MARKED);
	vr_flow_set_action(fe, VR_FLOW_ACTION_DROP);
	return vr_flow_schedule_transition(router, index, 0);
}

static void vr_flow_fill_from_req(struct vr_flow *key,
				  const struct vr_flow_req *req)
{
	memset(key, 0, sizeof(*key));
	key->key_u.ip4_key = (struct vr_inet_flow) {
		.ip4_family = AF_INET,
		.ip4_sip = (__force __be32)req->fr_flow_sip_l,
		.ip4_dip = (__force __be32)req->fr_flow_dip_l,
		.ip4_nh_id = req->fr_flow_nh_id,
		.ip4_sport = (__force __be16)req->fr_flow_sport,
		.ip4_dport = (__force __be16)req->fr_flow_dport,
		.ip4_proto = req->fr_flow_proto,
	};
	key->flow_key_len = sizeof(struct vr_inet_flow);
}

static int vr_flow_set_req_is_invalid(const struct vr_flow_req *req,
				      const struct vr_flow *key,
				      const struct vr_flow_entry *fe)
{
	if (req->fr_family != AF_INET || req->fr_action < 0 ||
	    req->fr_action > VR_FLOW_ACTION_NAT)
		return -EINVAL;
	if (!fe)
		return req->fr_index >= 0 ? -ENOENT : 0;
	if (fe->fe_flags & VR_FLOW_FLAG_DELETE_MARKED)
		return -EINVAL;
	if (req->fr_gen_id != fe->fe_gen_id)
		return -EBADF;

	return memcmp(&fe->fe_key, key, sizeof(*key)) ? -EFAULT : 0;
}

/* -EEXIST if a packet has added the flow in the meantime. */
static int vr_add_flow(struct vrouter *router, const struct vr_flow_req *req,
		       const struct vr_flow *key, struct vr_flow_entry **fe,
		       unsigned int *index)
{
	int err = 0;

	spin_lock_bh(&vr_flow_lock);
	if (vr_find_flow(router, key, index)) {
		err = -EEXIST;
	} else {
		*fe = vr_flow_get_free_entry(router, key, VP_TYPE_IP,
					     req->fr_action, req->fr_flow_vrf,
					     index);
		if (!*fe)
			err = -ENOSPC;
	}
	spin_unlock_bh(&vr_flow_lock);

	return err;
}

int vr_flow_set(struct vrouter *router, const struct vr_flow_req *req,
		struct vr_flow_response *resp)
{
	struct vr_flow_entry *fe = vr_flow_get_entry(router, req->fr_index);
	unsigned int index = req->fr_index;
	struct vr_flow key;
	u8 old_action;
	int err;

	ASSERT_RTNL();

	vr_flow_fill_from_req(&key, req);
	err = vr_flow_set_req_is_invalid(req, &key, fe);
	if (err)
		return err;

	if (!(req->fr_flags & VR_FLOW_FLAG_ACTIVE)) {
		if (!fe)
			return -EINVAL;
		err = vr_flow_delete(router, fe, index);
	} else {
		if (!fe)
			err = vr_add_flow(router, req, &key, &fe, &index);
		if (err)
			return err;

		old_action = fe->fe_action;
		fe->fe_vrf = req->fr_flow_vrf;
		fe->fe_dvrf = req->fr_flow_dvrf;
		fe->fe_src_nh_index = req->fr_src_nh_index;
		fe->fe_drop_reason = req->fr_drop_reason;
		fe->fe_rflow = -1;
		if (req->fr_flags & VR_RFLOW_VALID)
			fe->fe_rflow = req->fr_rindex;
		vr_flow_change_flags(fe, VR_FLOW_FLAG_NEW_FLOW |
				     VR_FLOW_FLAG_REQUESTED,
				     req->fr_flags & VR_FLOW_FLAG_REQUESTED);
		vr_flow_set_action(fe, req->fr_action);
		if (old_action == VR_FLOW_ACTION_HOLD &&
		    req->fr_action != old_action)
			err = vr_flow_schedule_transition(router, index,
							  VR_FLOW_FLAG_ACTIVE);
	}

	resp->fresp_op = req->fr_op;
	resp->fresp_index = index;
	resp->fresp_gen_id = fe->fe_gen_id;
	return err;
}

/*
 * The real table is mapped by the utilities. Here each flow is a line: index,
 * generation, source, destination, ports, protocol, K(nh), VRF, action,
 * packets, packets held.
 */
static int vr_flow_show(struct seq_file *seq, void *unused)
{
	static const char actions[] = "DHFN";
	const struct vr_flow_queue *vfq;
	struct vr_flow_entry *fe;
	unsigned int i;
	int held;

	for (i = 0; i < VR_FLOW_ENTRIES; i++) {
		fe = vr_flow_get_entry(&router, i);
		if (!fe)
			continue;

		rcu_read_lock();
		vfq = READ_ONCE(fe->fe_hold_list);
		held = vfq ? atomic_read(&vfq->vfq_entries) : 0;
		rcu_read_unlock();
		seq_printf(seq, "%u %u %pI4 %pI4 %u %u %u %u %u %c %u %d\n", i,
			   fe->fe_gen_id, &fe->fe_key.flow4_sip,
			   &fe->fe_key.flow4_dip, ntohs(fe->fe_key.flow_sport),
			   ntohs(fe->fe_key.flow_dport), fe->fe_key.flow_proto,
			   fe->fe_key.flow_nh_id, fe->fe_vrf,
			   actions[fe->fe_action], fe->fe_stats.flow_packets,
			   min(held, VR_MAX_FLOW_QUEUE_ENTRIES));
	}

	return 0;
}

int vr_flow_init(struct vrouter *router)
{
	vr_flow_table = vzalloc(VR_FLOW_ENTRIES * sizeof(*vr_flow_table));
	if (!vr_flow_table)
		return -ENOMEM;

	if (!proc_create_single(VR_FLOW_PROC_NAME, 0400, NULL, vr_flow_show)) {
		vfree(vr_flow_table);
		return -ENOMEM;
	}

	return 0;
}

void vr_flow_exit(struct vrouter *router)
{
	struct vr_flow_queue *vfq;
	struct vr_flow_entry *fe;
	unsigned int i;

	remove_proc_entry(VR_FLOW_PROC_NAME, NULL);
	/* The deferred parts of the work items, which have run. */
	rcu_barrier();

	for (i = 0; i < VR_FLOW_ENTRIES; i++) {
		fe = &vr_flow_table[i];
		vfq = fe->fe_hold_list;
		if (!vfq)
			continue;

		fe->fe_action = VR_FLOW_ACTION_DROP;
		rcu_read_lock();
		__vr_flow_flush_hold_queue(router, fe, vfq);
		rcu_read_unlock();
		kfree(vfq);
	}

	vfree(vr_flow_table);
}
