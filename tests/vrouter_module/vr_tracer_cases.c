// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/ip.h>

#include "vr_tracer_cases.h"
#include "vr_tracer_targets.h"
#include "vrouter.h"

#define VR_CASE_PROC_NAME	"vrouter_case"
#define VR_CASE_PROC_LEN	32

/* A sleeper continues after this if its batch remains incomplete. */
#define VR_SLEEPY_TIMEOUT	(2 * HZ)

/* 0 if none is armed; otherwise the index in vr_cases plus one. */
unsigned int vr_tracer_case;
static unsigned int vr_tracer_argument;

static struct workqueue_struct *vr_sleepy_wq;

static bool vr_case_recursions(struct vr_packet *pkt, unsigned int depth)
{
	vr_case_recursion(pkt, depth);
	return false;
}

static bool vr_case_pointers(struct vr_packet *pkt, unsigned int argument)
{
	struct vr_packet *copy, **copyp = &copy;
	struct sk_buff *skb;

	copy = vr_pclone(pkt);
	if (!copy)
		return false;

	skb = vp_os_packet(copy);
	vr_case_pointer(&copy);
	vr_case_pointer_const(&copy);
	vr_case_pointer_skb(&skb);
	vr_case_pointer_triple(&copyp);
	vr_case_pointer_replace(1, &copy);
	vr_pfree(copy, VP_DROP_CLONED_ORIGINAL);
	return false;
}

static bool vr_case_positions(struct vr_packet *pkt, unsigned int argument)
{
	vr_case_fourth(1, 2, 3, pkt);
	vr_case_fifth(1, 2, 3, 4, pkt);
	vr_case_sixth(1, 2, 3, 4, 5, pkt);
	vr_case_sixth_skb(1, 2, 3, 4, 5, vp_os_packet(pkt));
	vr_case_seventh(1, 2, 3, 4, 5, 6, pkt);
	vr_case_twelfth(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, pkt);
	return false;
}

static bool vr_case_structs(struct vr_packet *pkt, unsigned int argument)
{
	const struct vr_case_word word = { 1, 2 };
	const struct vr_case_pair pair = { 1, 2 };

	vr_case_struct_word(word, pkt);
	vr_case_struct_pair(pair, pkt);
	vr_case_struct_memory(*pkt, pkt);
	vr_case_struct_split(1, 2, 3, 4, 5, pair, pkt);
	vr_case_struct_full(pair, 2, 3, 4, 5, pkt);
	return false;
}

static bool vr_case_qualifiers(struct vr_packet *pkt, unsigned int argument)
{
	vr_case_const(pkt);
	vr_case_volatile(pkt);
	vr_case_typedef(pkt);
	vr_case_typedef_pointer(pkt);
	vr_case_typedef_const(pkt);
	vr_case_skb_const(vp_os_packet(pkt));
	return false;
}

static bool vr_case_tails(struct vr_packet *pkt, unsigned int argument)
{
	vr_case_tail(pkt);
	return false;
}

static bool vr_case_orphans(struct vr_packet *pkt, unsigned int argument)
{
	struct vr_packet *copy = vr_pclone(pkt);
	struct vr_interface *vif = pkt->vp_if;
	struct sk_buff *skb;

	if (!copy)
		return false;
	skb = vp_os_packet(copy);

	copy->vp_if = NULL;
	vr_case_no_vif(copy);

	skb->dev = NULL;
	vr_case_only_iif(copy);

	skb->skb_iif = 0;
	vr_case_nowhere(copy);

	copy->vp_if = vif;
	vr_case_no_dev(copy);

	vr_case_null(NULL);
	vr_pfree(copy, VP_DROP_CLONED_ORIGINAL);
	return false;
}

static bool vr_case_twins(struct vr_packet *pkt, unsigned int argument)
{
	vr_case_first_twin(pkt);
	vr_case_second_twin(pkt);
	return false;
}

static bool vr_case_suffixes(struct vr_packet *pkt, unsigned int argument)
{
	vr_case_suffix(pkt);
	return false;
}

/* Packets that sleep in the same function at once, on one CPU. */
struct vr_sleepy_batch {
	refcount_t users;
	unsigned int size;
	atomic_t inside;
	wait_queue_head_t all_inside;
};

struct vr_sleepy_work {
	struct work_struct work;
	struct vr_sleepy_batch *batch;
	struct vr_packet *pkt;
	bool copy;
};

static void vr_sleepy_put(struct vr_sleepy_batch *batch)
{
	if (refcount_dec_and_test(&batch->users))
		kfree(batch);
}

/*
 * Sleeps in the middle until the batch is complete. Meanwhile the CPU runs the
 * same function for other packets, so that calls on one CPU do not nest.
 */
noinline void vr_sleepy_input(struct vr_packet *pkt,
			      struct vr_sleepy_batch *batch)
{
	vr_sleepy_begin(pkt);

	if (atomic_inc_return(&batch->inside) == batch->size)
		wake_up_all(&batch->all_inside);
	wait_event_timeout(batch->all_inside,
			   atomic_read(&batch->inside) == batch->size,
			   VR_SLEEPY_TIMEOUT);

	vr_sleepy_end(pkt);
}

static void vr_sleepy_finish(struct vr_packet *pkt, bool copy)
{
	struct vr_forwarding_md fmd;

	vr_init_forwarding_md(&fmd);

	local_bh_disable();
	rcu_read_lock();
	pkt->vp_cpu = smp_processor_id() & U8_MAX;
	fmd.fmd_dvrf = READ_ONCE(pkt->vp_if->vif_vrf);
	if (copy)
		vr_pfree(pkt, VP_DROP_CLONED_ORIGINAL);
	else if (vr_flow_forward(&router, pkt, &fmd))
		vr_reinject_packet(pkt, &fmd);
	rcu_read_unlock();
	local_bh_enable();
}

static void vr_sleepy_work(struct work_struct *work)
{
	struct vr_sleepy_work *sleepy =
		container_of(work, struct vr_sleepy_work, work);

	vr_sleepy_input(sleepy->pkt, sleepy->batch);
	vr_sleepy_finish(sleepy->pkt, sleepy->copy);
	vr_sleepy_put(sleepy->batch);
	kfree(sleepy);
}

static int vr_sleepy_queue(struct vr_packet *pkt, bool copy,
			   struct vr_sleepy_batch *batch)
{
	struct vr_sleepy_work *sleepy = kmalloc(sizeof(*sleepy), GFP_ATOMIC);

	if (!sleepy)
		return -ENOMEM;

	INIT_WORK(&sleepy->work, vr_sleepy_work);
	sleepy->batch = batch;
	sleepy->pkt = pkt;
	sleepy->copy = copy;
	refcount_inc(&batch->users);
	queue_work_on(smp_processor_id(), vr_sleepy_wq, &sleepy->work);
	return 0;
}

/* If memory for a copy is missing, the batch is incomplete and times out. */
static void vr_sleepy_queue_copies(struct vr_packet *pkt, unsigned int count,
				   struct vr_sleepy_batch *batch)
{
	struct vr_packet *copy;

	while (count--) {
		copy = vr_pclone(pkt);
		if (!copy)
			return;
		if (vr_sleepy_queue(copy, true, batch)) {
			vr_pfree(copy, VP_DROP_NO_MEMORY);
			return;
		}
	}
}

/* Queues the packet and copies to sleep; the packet is forwarded afterwards. */
static bool vr_case_sleep(struct vr_packet *pkt, unsigned int count)
{
	struct vr_sleepy_batch *batch = kmalloc(sizeof(*batch), GFP_ATOMIC);
	bool kept;

	if (!batch)
		return false;

	refcount_set(&batch->users, 1);
	batch->size = count;
	atomic_set(&batch->inside, 0);
	init_waitqueue_head(&batch->all_inside);

	/* The copies first: the packet may be gone once it is queued. */
	vr_sleepy_queue_copies(pkt, count - 1, batch);
	kept = !vr_sleepy_queue(pkt, false, batch);
	vr_sleepy_put(batch);
	return kept;
}

static const struct vr_case {
	const char *name;
	/* True if the packet was consumed. */
	bool (*run)(struct vr_packet *pkt, unsigned int argument);
	/* 0 if it has none. */
	unsigned int max_argument;
} vr_cases[] = {
	{ "recursion", vr_case_recursions, 32 },
	{ "sleep", vr_case_sleep, 16 },
	{ "pointers", vr_case_pointers },
	{ "positions", vr_case_positions },
	{ "structs", vr_case_structs },
	{ "qualifiers", vr_case_qualifiers },
	{ "tail", vr_case_tails },
	{ "orphans", vr_case_orphans },
	{ "twins", vr_case_twins },
	{ "suffixes", vr_case_suffixes },
};

static bool vr_case_echo_request(struct vr_packet *pkt)
{
	unsigned int offset = pkt->vp_network_h - pkt->vp_data;
	const struct iphdr *ip;
	unsigned int len;

	if (pkt->vp_type != VP_TYPE_IP)
		return false;

	ip = (struct iphdr *)pkt_network_header(pkt);
	if (ip->protocol != IPPROTO_ICMP || ip_is_fragment(ip))
		return false;

	len = 4 * ip->ihl;
	if (!pkt_may_pull(pkt, offset + len + sizeof(struct icmphdr)))
		return false;

	return pkt_network_header(pkt)[len] == ICMP_ECHO;
}

noinline bool vr_tracer_case_input(struct vr_packet *pkt)
{
	/* Pairs with the release in vr_case_arm(). */
	unsigned int armed = smp_load_acquire(&vr_tracer_case);

	if (!armed || !vr_case_echo_request(pkt))
		return false;

	return vr_cases[armed - 1].run(pkt, READ_ONCE(vr_tracer_argument));
}

void vr_tracer_cases_flush(void)
{
	flush_workqueue(vr_sleepy_wq);
}

static int vr_case_arm(const char *name, unsigned int argument)
{
	unsigned int i;

	if (!strcmp(name, "off")) {
		WRITE_ONCE(vr_tracer_case, 0);
		return 0;
	}

	for (i = 0; i < ARRAY_SIZE(vr_cases); i++) {
		if (strcmp(name, vr_cases[i].name))
			continue;
		if (!argument != !vr_cases[i].max_argument ||
		    argument > vr_cases[i].max_argument)
			return -ERANGE;

		WRITE_ONCE(vr_tracer_argument, argument);
		/* Packets that see the case also see its argument. */
		smp_store_release(&vr_tracer_case, i + 1);
		return 0;
	}

	return -EINVAL;
}

/* "NAME" or "NAME ARGUMENT", with or without a newline. */
static ssize_t vr_case_write(struct file *file, const char __user *from,
			     size_t count, loff_t *offset)
{
	char buffer[VR_CASE_PROC_LEN] = "";
	unsigned int argument = 0;
	char *name, *end;
	int err;

	if (count >= sizeof(buffer))
		return -EINVAL;
	if (copy_from_user(buffer, from, count))
		return -EFAULT;

	end = strim(buffer);
	name = strsep(&end, " ");
	if (end) {
		err = kstrtouint(end, 10, &argument);
		if (err)
			return err;
	}

	err = vr_case_arm(name, argument);
	return err ? err : count;
}

/* Lists all cases, with a mark for the armed one. */
static int vr_case_show(struct seq_file *seq, void *unused)
{
	unsigned int armed = READ_ONCE(vr_tracer_case);
	unsigned int i;

	seq_printf(seq, "%c off\n", armed ? ' ' : '*');
	for (i = 0; i < ARRAY_SIZE(vr_cases); i++) {
		seq_printf(seq, "%c %s", armed == i + 1 ? '*' : ' ',
			   vr_cases[i].name);
		if (vr_cases[i].max_argument)
			seq_printf(seq, " 1-%u", vr_cases[i].max_argument);
		seq_putc(seq, '\n');
	}

	return 0;
}

static int vr_case_open(struct inode *inode, struct file *file)
{
	return single_open(file, vr_case_show, NULL);
}

static const struct proc_ops vr_case_proc_ops = {
	.proc_open	= vr_case_open,
	.proc_read	= seq_read,
	.proc_write	= vr_case_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
};

int vr_tracer_cases_init(void)
{
	/* Per CPU; when a packet sleeps, the next one runs. */
	vr_sleepy_wq = alloc_workqueue("vrouter_sleepy", WQ_PERCPU, 0);
	if (!vr_sleepy_wq)
		return -ENOMEM;

	if (!proc_create(VR_CASE_PROC_NAME, 0600, NULL, &vr_case_proc_ops)) {
		destroy_workqueue(vr_sleepy_wq);
		return -ENOMEM;
	}

	return 0;
}

void vr_tracer_cases_exit(void)
{
	remove_proc_entry(VR_CASE_PROC_NAME, NULL);
	destroy_workqueue(vr_sleepy_wq);
}
