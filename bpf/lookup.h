/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The route that vrouter has looked up for the packet that a CPU is working on,
 * as bpf/flow_lookup.h has its flow: the functions that look one up take no
 * packet.
 *
 * Whether a route is of the packet or of an earlier one is told by a counter of
 * the kernel's, of the packets that the CPU has received. So nothing has to run
 * when one comes in: that would take as long as the look-ups. Only the packets
 * that the host sends, and those that were held, do not raise it.
 */
#ifndef VRFT_LOOKUP_H
#define VRFT_LOOKUP_H

#include "flow_lookup.h"

/* Bytes of struct vr_route_req that have all that is read of it. */
#define ROUTE_REQUEST_BYTES	96

struct lookup {
	__u32 kind;		/* VRFT_ROUTE_* */
	__u32 vrf;
	__u32 received;		/* by the CPU until then */
	void *counter;		/* of that */
	void *mac;		/* that was looked up */
	void *route_metadata;	/* vr_forwarding_md of the packet */
	void *route_request;	/* vr_route_req */
	void *found;		/* vr_bridge_entry, or vr_nexthop */
	__u8 prefix[16];
	__u8 request[ROUTE_REQUEST_BYTES];
} __attribute__((aligned(64)));

struct lookup lookups[VRFT_MAX_CPUS] = {};

static __always_inline struct lookup *this_lookup(void)
{
	return &lookups[bpf_get_smp_processor_id() & (VRFT_MAX_CPUS - 1)];
}

#ifndef VRFT_DROPS_BY_KPROBE
extern const struct softnet_data softnet_data __ksym;

/*
 * Remembers how many packets this CPU has received, by whatever device. A drop
 * reads it by its address, as not all kernels know the symbol.
 */
static __always_inline void set_received(struct lookup *last)
{
	const struct softnet_data *own = bpf_this_cpu_ptr(&softnet_data);

	last->received = own->processed;
	last->counter = (void *)&own->processed;
}

/* A packet begins that no CPU has received just now. */
static __always_inline void forget_route(void)
{
	this_lookup()->kind = VRFT_ROUTE_NONE;
}

/*
 * Addresses of the kernel's image and its modules. A MAC address there is that
 * of the flood, which is looked up if that of the packet is not found.
 */
static __always_inline bool in_image(void *address)
{
	return (__u64)address >= KERNEL_IMAGE;
}

static __always_inline void mac_looked_up(void *mac, void *metadata,
					  void *entry)
{
	struct lookup *last;

	if (in_image(mac))
		return;
	last = this_lookup();
	last->kind = VRFT_ROUTE_BRIDGE;
	set_received(last);
	last->mac = mac;
	last->route_metadata = metadata;
	last->found = entry;
}

static __always_inline void prefix_looked_up(__u32 vrf, void *request,
					     void *nexthop)
{
	struct lookup *last = this_lookup();
	__u32 at = config.drop.rtr_prefix;
	void *prefix;

	last->kind = VRFT_ROUTE_NONE;
	if (at > ROUTE_REQUEST_BYTES - sizeof(prefix) ||
	    bpf_probe_read_kernel(last->request, ROUTE_REQUEST_BYTES, request))
		return;
	prefix = *(void **)(last->request + at);
	if (bpf_probe_read_kernel(last->prefix, sizeof(last->prefix), prefix))
		return;
	last->kind = VRFT_ROUTE_PREFIX;
	set_received(last);
	last->vrf = vrf & 0xffff;
	last->route_request = request;
	last->found = nexthop;
}
#endif

/*
 * Is it on the stack that runs, though perhaps in a function that has returned?
 * A packet that was held runs on that of a task, and those that interrupt it on
 * that of the CPU.
 */
static __always_inline bool same_stack(void *address, __u64 top)
{
	return (__u64)address - top + STACK_BYTES < 2 * STACK_BYTES;
}

#ifndef VRFT_DROPS_BY_KPROBE
static __always_inline void set_mac_route(struct vrft_drop *drop,
					  const struct lookup *last,
					  struct sk_buff *skb, __u64 top)
{
	void *nexthop = NULL;

	/* It points into the packet that it is of. */
	if ((__u64)last->mac - (__u64)BPF_CORE_READ(skb, head) > 65535 ||
	    bpf_probe_read_kernel(drop->route_key, 6, last->mac))
		return;
	drop->route_kind = VRFT_ROUTE_BRIDGE;
	drop->route_length = 0;
	drop->route_family = 0;
	drop->route_vrf = VRFT_UNKNOWN;
	if (config.fmd_dvrf_offset && on_stack(last->route_metadata, top))
		drop->route_vrf = read_u16(last->route_metadata +
					   config.fmd_dvrf_offset, false);
	if (last->found && config.drop.be_nh != VRFT_UNKNOWN)
		nexthop = read_pointer(last->found + config.drop.be_nh, false);
	set_nexthop(nexthop, &drop->route_nexthop, &drop->route_type,
		    &drop->route_reach);
}

/* The word at an offset of the request, which is a constant. */
static __always_inline __u32 of_request(const struct lookup *last, __u32 at)
{
	if (at > ROUTE_REQUEST_BYTES - sizeof(__u32))
		return VRFT_UNKNOWN;
	return *(__u32 *)(last->request + at);
}

static __always_inline void set_prefix_route(struct vrft_drop *drop,
					     const struct lookup *last, __u64 top)
{
	if (!same_stack(last->route_request, top))
		return;
	drop->route_kind = VRFT_ROUTE_PREFIX;
	drop->route_vrf = last->vrf;
	drop->route_length = of_request(last, config.drop.rtr_prefix_len);
	drop->route_family = of_request(last, config.drop.rtr_family);
	__builtin_memcpy(drop->route_key, last->prefix, sizeof(last->prefix));
	set_nexthop(last->found, &drop->route_nexthop, &drop->route_type,
		    &drop->route_reach);
}

static __always_inline void set_route(struct vrft_drop *drop,
				      struct sk_buff *skb, __u64 top)
{
	const struct lookup *last = this_lookup();

	if (last->kind == VRFT_ROUTE_NONE ||
	    read_u32(last->counter, false) != last->received)
		return;
	if (last->kind == VRFT_ROUTE_BRIDGE)
		set_mac_route(drop, last, skb, top);
	else if (last->kind == VRFT_ROUTE_PREFIX)
		set_prefix_route(drop, last, top);
}
#endif

#endif
