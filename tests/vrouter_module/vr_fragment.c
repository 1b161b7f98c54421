// SPDX-License-Identifier: GPL-2.0
/*
 * Fragments of packets that need a flow. The ports of a packet's first fragment,
 * its head, are kept in a table for the others. One that comes before its head
 * waits in the assembler, which also gets a clone of the head.
 */
#include <linux/ip.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/ip.h>

#include "vr_compat.h"
#include "vrouter.h"

#define VR_LOG_FILE	VR_FRAGMENT_C

#define VR_FRAG_HASH_TABLE_TIMEOUT_SECS	30

/* Places of the table: 0 leaves no memory for any head. */
static unsigned int vr_fragment_entries = 1024;
module_param(vr_fragment_entries, uint, 0644);

/* Fragments that the assembler accepts: 0 is none, also no clone of a head. */
static unsigned int vr_assembler_entries = 256;
module_param(vr_assembler_entries, uint, 0644);

/* How long a fragment waits for its head. */
static unsigned int vr_assembler_timeout_ms = 5000;
module_param(vr_assembler_timeout_ms, uint, 0644);

struct vr_fragment_key {
	__be32 fk_sip;
	__be32 fk_dip;
	__be16 fk_id;
	unsigned short fk_vrf;
};

/* An entry of the table. */
struct vr_fragment {
	struct list_head f_list;
	struct vr_fragment_key f_key;
	__be16 f_sport;
	__be16 f_dport;
	unsigned long f_time;
};

/* A fragment in the assembler. */
struct vr_fragment_queue_element {
	struct list_head fqe_list;
	struct vrouter *fqe_router;
	unsigned long fqe_time;
	struct vr_packet_node fqe_pnode;
};

static LIST_HEAD(vr_fragments);
static unsigned int vr_fragment_count;
/* New to the assembler, and waiting in it. */
static LIST_HEAD(vr_assembler_new);
static LIST_HEAD(vr_assembler_waiting);
static unsigned int vr_assembler_count;
/* Protects all of these. */
static DEFINE_SPINLOCK(vr_fragment_lock);

static void vr_assembler_run(struct work_struct *work);
static void vr_linux_assembler_table_scan(struct work_struct *work);

static DECLARE_WORK(vr_assembler_work, vr_assembler_run);
static DECLARE_DELAYED_WORK(vr_assembler_timer, vr_linux_assembler_table_scan);

bool vr_ip_fragment_tail(const struct iphdr *ip)
{
	return ip->frag_off & htons(IP_OFFSET);
}

bool vr_ip_fragment_head(const struct iphdr *ip)
{
	return (ip->frag_off & htons(IP_OFFSET | IP_MF)) == htons(IP_MF);
}

static struct vr_fragment_key vr_fragment_key(unsigned short vrf,
					      const struct iphdr *ip)
{
	return (struct vr_fragment_key) {
		.fk_sip = ip->saddr,
		.fk_dip = ip->daddr,
		.fk_id = ip->id,
		.fk_vrf = vrf,
	};
}

/* Under vr_fragment_lock; forgets old entries on the way. */
static struct vr_fragment *vr_fragment_find(const struct vr_fragment_key *key)
{
	struct vr_fragment *frag, *next, *found = NULL;

	list_for_each_entry_safe(frag, next, &vr_fragments, f_list) {
		if (!memcmp(&frag->f_key, key, sizeof(*key))) {
			found = frag;
		} else if (time_after(jiffies, frag->f_time + HZ *
				      VR_FRAG_HASH_TABLE_TIMEOUT_SECS)) {
			list_del(&frag->f_list);
			kfree(frag);
			vr_fragment_count--;
		}
	}

	if (found)
		found->f_time = jiffies;
	return found;
}

int vr_v4_fragment_add(struct vrouter *router, unsigned short vrf,
		       const struct iphdr *ip, __be16 sport, __be16 dport)
{
	struct vr_fragment_key key = vr_fragment_key(vrf, ip);
	struct vr_fragment *frag;
	int err = 0;

	spin_lock_bh(&vr_fragment_lock);
	frag = vr_fragment_find(&key);
	if (frag)
		goto unlock;

	err = -ENOMEM;
	if (vr_fragment_count >= READ_ONCE(vr_fragment_entries))
		goto unlock;
	frag = kzalloc(sizeof(*frag), GFP_ATOMIC);
	if (!frag)
		goto unlock;

	frag->f_key = key;
	frag->f_sport = sport;
	frag->f_dport = dport;
	frag->f_time = jiffies;
	list_add(&frag->f_list, &vr_fragments);
	vr_fragment_count++;
	err = 0;
unlock:
	spin_unlock_bh(&vr_fragment_lock);
	return err;
}

bool vr_fragment_get(struct vrouter *router, unsigned short vrf,
		     const struct iphdr *ip, __be16 *sport, __be16 *dport)
{
	struct vr_fragment_key key = vr_fragment_key(vrf, ip);
	struct vr_fragment *frag;

	spin_lock_bh(&vr_fragment_lock);
	frag = vr_fragment_find(&key);
	if (frag) {
		*sport = frag->f_sport;
		*dport = frag->f_dport;
	}
	spin_unlock_bh(&vr_fragment_lock);

	return frag;
}

/* Non-zero if it has dropped the fragment. */
noinline int vr_fragment_enqueue(struct vrouter *router, struct vr_packet *pkt,
				 struct vr_forwarding_md *fmd)
{
	struct vr_fragment_queue_element *fqe = NULL;

	if (READ_ONCE(vr_assembler_count) < READ_ONCE(vr_assembler_entries))
		fqe = kzalloc(sizeof(*fqe), GFP_ATOMIC);
	if (!fqe) {
		vr_drop(pkt, VP_DROP_FRAGMENTS);
		return -1;
	}

	fqe->fqe_router = router;
	fqe->fqe_time = jiffies;
	pkt->vp_flags &= ~VP_FLAG_FLOW_SET;
	vr_flow_fill_pnode(&fqe->fqe_pnode, pkt, fmd);

	spin_lock_bh(&vr_fragment_lock);
	list_add_tail(&fqe->fqe_list, &vr_assembler_new);
	vr_assembler_count++;
	spin_unlock_bh(&vr_fragment_lock);
	return 0;
}

void vr_assembler_wake(void)
{
	schedule_work(&vr_assembler_work);
}

static void
vr_fragment_queue_element_free(struct vr_fragment_queue_element *fqe,
			       unsigned short drop_reason)
{
	struct vr_packet *pkt = fqe->fqe_pnode.pl_packet;

	if (pkt) {
		/* The packet does not keep its vif from being deleted. */
		if (__vrouter_get_interface(fqe->fqe_router,
					    fqe->fqe_pnode.pl_vif_idx) != pkt->vp_if)
			pkt->vp_if = NULL;
		vr_drop(pkt, drop_reason);
	}
	kfree(fqe);
}

/* The packet goes on, with the ports of its head. */
static void
vr_fragment_flush_queue_element(struct vr_fragment_queue_element *fqe)
{
	struct vr_forwarding_md fmd;

	vr_init_forwarding_md(&fmd);
	vr_flow_flush_pnode(fqe->fqe_router, &fqe->fqe_pnode, NULL, &fmd);
	vr_fragment_queue_element_free(fqe, VP_DROP_CLONED_ORIGINAL);
}

static bool vr_fragment_head_known(struct vr_fragment_queue_element *fqe)
{
	const struct vr_packet_node *pnode = &fqe->fqe_pnode;
	const struct iphdr *ip;
	__be16 sport, dport;

	ip = (struct iphdr *)pkt_network_header(pnode->pl_packet);
	return vr_fragment_get(fqe->fqe_router, pnode->pl_vrf, ip, &sport,
			       &dport);
}

/* Moves all fragments of a list, which are then no longer in the assembler. */
static void vr_assembler_take(struct list_head *from, struct list_head *to)
{
	struct vr_fragment_queue_element *fqe;

	spin_lock_bh(&vr_fragment_lock);
	list_for_each_entry(fqe, from, fqe_list)
		vr_assembler_count--;
	list_splice_tail_init(from, to);
	spin_unlock_bh(&vr_fragment_lock);
}

static void vr_assembler_wait(struct list_head *fragments)
{
	struct vr_fragment_queue_element *fqe;

	if (list_empty(fragments))
		return;

	spin_lock_bh(&vr_fragment_lock);
	list_for_each_entry(fqe, fragments, fqe_list)
		vr_assembler_count++;
	list_splice_tail_init(fragments, &vr_assembler_waiting);
	spin_unlock_bh(&vr_fragment_lock);
	schedule_delayed_work(&vr_assembler_timer,
			      msecs_to_jiffies(vr_assembler_timeout_ms) / 4 + 1);
}

/* Frees the clones of heads, and lets go on what has its head. */
static void vr_assembler_run(struct work_struct *work)
{
	struct vr_fragment_queue_element *fqe, *next;
	LIST_HEAD(fragments);
	LIST_HEAD(waiting);

	vr_assembler_take(&vr_assembler_waiting, &fragments);
	vr_assembler_take(&vr_assembler_new, &fragments);

	rcu_read_lock();
	list_for_each_entry_safe(fqe, next, &fragments, fqe_list) {
		list_del(&fqe->fqe_list);
		if (fqe->fqe_pnode.pl_flags & PN_FLAG_FRAGMENT_HEAD)
			vr_fragment_queue_element_free(fqe, VP_DROP_CLONED_ORIGINAL);
		else if (vr_fragment_head_known(fqe))
			vr_fragment_flush_queue_element(fqe);
		else
			list_add_tail(&fqe->fqe_list, &waiting);
	}
	rcu_read_unlock();

	vr_assembler_wait(&waiting);
}

/* Drops what has waited for too long. */
static void vr_linux_assembler_table_scan(struct work_struct *work)
{
	unsigned long timeout = msecs_to_jiffies(vr_assembler_timeout_ms);
	struct vr_fragment_queue_element *fqe, *next;
	LIST_HEAD(fragments);
	LIST_HEAD(waiting);

	vr_assembler_take(&vr_assembler_waiting, &fragments);

	rcu_read_lock();
	list_for_each_entry_safe(fqe, next, &fragments, fqe_list) {
		list_del(&fqe->fqe_list);
		if (time_after(jiffies, fqe->fqe_time + timeout))
			vr_fragment_queue_element_free(fqe, VP_DROP_FRAGMENTS);
		else
			list_add_tail(&fqe->fqe_list, &waiting);
	}
	rcu_read_unlock();

	vr_assembler_wait(&waiting);
}

void vr_fragment_exit(void)
{
	struct vr_fragment_queue_element *fqe, *next;
	struct vr_fragment *frag, *other;
	LIST_HEAD(fragments);

	cancel_work_sync(&vr_assembler_work);
	cancel_delayed_work_sync(&vr_assembler_timer);
	vr_assembler_take(&vr_assembler_waiting, &fragments);
	vr_assembler_take(&vr_assembler_new, &fragments);
	rcu_read_lock();
	list_for_each_entry_safe(fqe, next, &fragments, fqe_list)
		vr_fragment_queue_element_free(fqe, VP_DROP_FRAGMENTS);
	rcu_read_unlock();
	list_for_each_entry_safe(frag, other, &vr_fragments, f_list)
		kfree(frag);
}
