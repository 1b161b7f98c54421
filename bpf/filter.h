/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Does a packet belong to a selected interface? */
#ifndef VRFT_FILTER_H
#define VRFT_FILTER_H

struct vrft_control control = {};
const volatile struct vrft_config config = {
	.record_version = VRFT_RECORD_VERSION,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);		/* interfaces, set by user space */
	__type(key, struct vrft_interface);
	__type(value, __u8);
} interfaces SEC(".maps");

static __always_inline bool bit(const __u64 *bits, __u32 index)
{
	__u32 word = (index % VRFT_BITMAP_BITS) / 64;

	return bits[word] >> (index % 64) & 1;
}

/*
 * Reads kernel memory by a helper or, with bpf_rdonly_cast() (Linux 6.2), by
 * plain loads that the JIT guards. The latter is called "direct", which is
 * always a constant, and true only in objects for such kernels; the others do
 * not reference the extern at all. With helpers a round trip takes 269,000
 * instructions rather than 198,000 (see programs.h), and 180,000 rather than
 * 132,000 if all packets are rejected.
 */
extern void *bpf_rdonly_cast(void *object, __u32 type) __ksym;

#define READ(direct, source, member)					\
	((direct) ? (source)->member : BPF_CORE_READ(source, member))

/* Whether the object is for such kernels. */
#ifdef VRFT_DIRECT
#define DIRECT	true
#else
#define DIRECT	false
#endif

/*
 * What few calls need is a function of its own, as inlined it takes the
 * registers away from the rest. Not for kprobes: Linux 6.1 allows a program and
 * all that it calls 512 bytes of stack.
 */
#ifdef VRFT_DIRECT
#define SELDOM	__attribute__((noinline))
#else
#define SELDOM	__always_inline
#endif

/*
 * What only part of a way needs later on. A program that runs at both ends of
 * every call keeps it in memory, as registers that live on cost it a push and a
 * pop each time, whichever way it goes.
 */
#ifdef VRFT_LISTED
#define KEPT	volatile
#else
#define KEPT
#endif

/* Addresses from here on are those of the kernel's image and its modules. */
#define KERNEL_IMAGE	0xffffffff80000000ULL

/* What is at an address, for READ(). */
static __always_inline struct sk_buff *as_sk_buff(void *packet, bool direct)
{
	if (direct)
		return bpf_rdonly_cast(packet,
				       bpf_core_type_id_kernel(struct sk_buff));
	return packet;
}

/* Reads from any address, as if it were that of the member of a struct. */
#define VIEW(address, member)						\
	(((struct sk_buff *)bpf_rdonly_cast(				\
		(address) - bpf_core_field_offset(struct sk_buff, member),	\
		bpf_core_type_id_kernel(struct sk_buff)))->member)

static __always_inline void *read_pointer(void *address, bool direct)
{
	void *value = NULL;

	if (direct)
		return (void *)VIEW(address, tstamp);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

static __always_inline __u16 read_u16(void *address, bool direct)
{
	__u16 value = 0;

	if (direct)
		return VIEW(address, protocol);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

/*
 * If all selected interfaces are in one namespace, no lookup is needed, only
 * in_sight_netns(): with one per accepted call, a round trip takes 218,000
 * instructions rather than 198,000. An ifindex is only unique within one.
 */
static __always_inline bool chosen(__u32 netns, __u32 ifindex)
{
	struct vrft_interface key = { .netns = netns, .ifindex = ifindex };

	if (config.only_netns)
		return netns == config.only_netns &&
		       ifindex < VRFT_BITMAP_BITS;
	return bpf_map_lookup_elem(&interfaces, &key);
}

/*
 * The namespace of ifindex and skb_iif is that of the device. While a socket
 * owns the packet, dev is NULL or holds other data (a union): then it is that
 * of the socket. NULL for a packet with neither.
 */
static __always_inline struct net *net_of(struct sk_buff *skb,
					  struct net_device *dev, bool direct)
{
	/* A direct read from NULL is guarded as well, and yields NULL. */
	struct net *net = direct || dev ? READ(direct, dev, nd_net.net) : NULL;
	struct sock *sk;

	if (net)
		return net;
	sk = READ(direct, skb, sk);
	return direct || sk ? READ(direct, sk, __sk_common.skc_net.net) : NULL;
}

static __always_inline __u32 namespace(struct sk_buff *skb,
				       struct net_device *dev, __u32 otherwise,
				       bool direct)
{
	struct net *net = net_of(skb, dev, direct);

	return net ? READ(direct, net, ns.inum) : otherwise;
}

/* The initial namespace, once it is known, if that is config.sight_netns. */
__u64 sight_net = 0;

/*
 * Is it config.sight_netns? That is usually the initial one, which is the only
 * one in the kernel's image, and never freed: so its address tells.
 */
static __always_inline bool in_sight_netns(struct net *net, bool direct)
{
	__u64 known = sight_net;

	if (direct && (__u64)net == known)
		return true;
	if (direct && known)
		return false;
	if (READ(direct, net, ns.inum) != config.sight_netns)
		return false;
	if (direct && (__u64)net >= KERNEL_IMAGE)
		sight_net = (__u64)net;
	return true;
}

/*
 * vrouter passes packets received by its physical vifs through internal
 * devices. If not all of those vifs are selected, the vif is taken from the
 * packet:
 *
 * While vrouter processes it, from the vr_packet in its control buffer, which
 * starts with the head pointer of the sk_buff. On pkt2, for RPS, the control
 * buffer starts with the vif index instead, 16 bits stored in 32, followed by
 * 16 bits with the number of the router, which is always 0. On pkt1 and pkt3,
 * GRO uses the control buffer, and a header that vrouter has prepended to the
 * packet starts with the index.
 *
 * A packet that vrouter has sent to another device may still have one of the
 * internal devices as skb_iif, and no vif. It is kept: the last calls of a
 * packet of another vif are less misleading than missing last calls of a
 * selected one. So is a packet seen while its head is being replaced.
 */
static __always_inline bool of_chosen_vif(void *packet, struct sk_buff *skb,
					  __u32 ifindex, bool direct)
{
	void *cb = packet + bpf_core_field_offset(struct sk_buff, cb);
	void *head = READ(direct, skb, head);
	void *first = read_pointer(cb, direct);
	__u64 word = (__u64)first;
	void *vif;

	if (first == head) {
		vif = read_pointer(cb + config.vp_if_offset, direct);
		return !vif || bit(control.vif_bits,
				   read_u16(vif + config.vif_idx_offset,
					    direct));
	}
	if (ifindex == config.rps_device && !(word & 0xffffffff0000))
		return bit(control.vif_bits, word);
	if (ifindex == config.gro_devices[0] ||
	    ifindex == config.gro_devices[1]) {
		head += READ(direct, skb, mac_header);
		return bit(control.vif_bits, read_u16(head, direct));
	}
	return true;
}

static __always_inline bool is_shared(__u32 netns, __u32 ifindex)
{
	return netns == config.vrouter_netns &&
	       (ifindex == config.rps_device ||
		ifindex == config.gro_devices[0] ||
		ifindex == config.gro_devices[1]);
}

static SELDOM bool accepts_anywhere(void *packet, __u32 otherwise,
				    bool direct)
{
	struct sk_buff *skb = as_sk_buff(packet, direct);
	struct net_device *dev;
	__u32 ifindex, iif, netns;
	bool dev_bit, iif_bit;

	dev = READ(direct, skb, dev);
	ifindex = dev ? READ(direct, dev, ifindex) : 0;
	iif = READ(direct, skb, skb_iif);
	dev_bit = bit(control.interface_bits, ifindex);
	iif_bit = bit(control.interface_bits, iif);
	if (!dev_bit && !iif_bit)
		return false;
	netns = namespace(skb, dev, otherwise, direct);
	if (!config.shared)
		return (dev_bit && chosen(netns, ifindex)) ||
		       (iif_bit && chosen(netns, iif));
	dev_bit = dev_bit && chosen(netns, ifindex);
	iif_bit = iif_bit && chosen(netns, iif);
	/* A match of a device that is not shared is sufficient. */
	if ((dev_bit && !is_shared(netns, ifindex)) ||
	    (iif_bit && !is_shared(netns, iif)))
		return true;
	return (dev_bit || iif_bit) &&
	       of_chosen_vif(packet, skb, ifindex, direct);
}

/* By device or by that of arrival, in the namespace of all selected interfaces. */
static __always_inline bool of_interface(struct sk_buff *skb,
					 struct net_device *dev, bool direct)
{
	__u32 index = dev ? READ(direct, dev, ifindex) : 0;

	if (index < VRFT_BITMAP_BITS && bit(control.interface_bits, index))
		return true;
	index = READ(direct, skb, skb_iif);
	return index < VRFT_BITMAP_BITS && bit(control.interface_bits, index);
}

/*
 * First of all the namespace: most packets of a host with guests are those of
 * others.
 */
static __always_inline bool accepts_skb(void *packet, __u32 otherwise,
					bool direct)
{
	struct sk_buff *skb = as_sk_buff(packet, direct);
	struct net_device *dev;
	struct net *net;

	/* Without direct reads that gains nothing, and takes longer to verify. */
	if (!direct || !config.only_netns || config.shared)
		return accepts_anywhere(packet, otherwise, direct);
	dev = READ(direct, skb, dev);
	net = net_of(skb, dev, direct);
	if (net ? !in_sight_netns(net, direct) : otherwise != config.only_netns)
		return false;
	return of_interface(skb, dev, direct);
}

static __always_inline bool accepts_vr_packet(void *packet, bool direct)
{
	__u32 cb = bpf_core_field_offset(struct sk_buff, cb);
	void *vif = read_pointer(packet + config.vp_if_offset, direct);

	if (vif && bit(control.vif_bits,
		       read_u16(vif + config.vif_idx_offset, direct)))
		return true;
	/*
	 * A vr_packet is in the control buffer of its sk_buff. vrouter's
	 * devices are all in one namespace.
	 */
	return accepts_skb(packet - cb, config.vrouter_netns, direct);
}

/*
 * Does the cookie have one of these flags of its upper half? As 32 bits, whose
 * masks need no instructions of their own.
 */
static __always_inline bool has(__u64 cookie, __u64 flags)
{
#ifdef VRFT_DIRECT
	__u32 half = cookie >> 32;

	asm("" : "+r"(half));
	return half & (__u32)(flags >> 32);
#else
	return cookie & flags;
#endif
}

/* What stands beside the packet, by the place of its register in the cookie. */
static __always_inline void *companion(struct pt_regs *ctx, __u64 cookie,
				       int shift)
{
	__u32 number = cookie >> shift & VRFT_COOKIE_COMPANION_MASK;

	return number ? argument(ctx, number) : NULL;
}

/* Zero if the function has none. */
static __always_inline __u32 argument_of_packet(__u64 cookie)
{
	return cookie >> VRFT_COOKIE_ARGUMENT_SHIFT;
}

/* The packet of a call; NULL if there is none, or recording is off. */
static __always_inline void *packet_of(struct pt_regs *ctx, __u64 cookie,
				       bool direct)
{
	__u32 number = argument_of_packet(cookie);

	if (!control.enabled)
		return NULL;
	if (has(cookie, VRFT_COOKIE_INDIRECT))
		return read_pointer(indirect_argument(ctx, number), direct);
	return argument(ctx, number);
}

/* The sk_buff of a packet: a vr_packet is in the control buffer of one. */
static __always_inline void *sk_buff_of(void *packet, __u64 cookie)
{
	if (has(cookie, VRFT_COOKIE_VR_PACKET))
		packet -= bpf_core_field_offset(struct sk_buff, cb);
	return packet;
}

/* The start of IPv4 and IPv6 headers. */
union ip_header {
	struct {
		__u8 version_length;
		__u8 service;
		__u16 total, id, fragment;
		__u8 ttl, protocol;
		__u16 checksum;
		__u32 address[2];
	} v4;
	struct {
		__u32 flow;
		__u16 length;
		__u8 next, hops;
		__u32 address[2][4];
	} v6;
};

static __always_inline bool same_end(const volatile struct vrft_connection *own,
				     int end, const __u32 *address, __u16 port)
{
	const volatile __u32 *other = own->address[end];

	if (own->port[end] != port || other[0] != address[0])
		return false;
	return own->version == 4 ||
	       (other[1] == address[1] && other[2] == address[2] &&
		other[3] == address[3]);
}

/*
 * Does the packet carry the output of this trace? Tracing it would produce
 * more output. Tunnelled packets are not recognised.
 */
static __always_inline bool carries_output(struct sk_buff *skb)
{
	union ip_header ip = {};
	__u16 offset = BPF_CORE_READ(skb, network_header);
	void *network;
	__u32 version, length;
	__u32 *from, *to;
	__u16 ports[2];

	/* Until the stack sets it, a received packet starts there. */
	network = offset ? (void *)BPF_CORE_READ(skb, head) + offset :
			   (void *)BPF_CORE_READ(skb, data);
	if (bpf_probe_read_kernel(&ip, sizeof(ip), network))
		return false;
	version = ip.v4.version_length >> 4;
	if (version == 4 && ip.v4.protocol == IPPROTO_TCP) {
		from = &ip.v4.address[0];
		to = &ip.v4.address[1];
		length = (ip.v4.version_length & 0xf) * 4;
	} else if (version == 6 && ip.v6.next == IPPROTO_TCP) {
		from = ip.v6.address[0];
		to = ip.v6.address[1];
		length = sizeof(ip.v6);
	} else {
		return false;
	}
	if (bpf_probe_read_kernel(ports, sizeof(ports), network + length))
		return false;
#pragma unroll
	for (int i = 0; i < VRFT_OWN_CONNECTIONS; i++) {
		const volatile struct vrft_connection *own = &config.own[i];

		if (own->version != version)
			continue;
		if (same_end(own, 0, from, ports[0]) &&
		    same_end(own, 1, to, ports[1]))
			return true;
		if (same_end(own, 1, from, ports[0]) &&
		    same_end(own, 0, to, ports[1]))
			return true;
	}
	return false;
}

/*
 * Is the call about a packet of a selected interface? A vif among the arguments
 * is what the packet comes from or is sent to, before the packet says so.
 */
static SELDOM bool accepts(struct pt_regs *ctx, void *packet, __u64 cookie)
{
	void *vif;

	if (has(cookie, VRFT_COOKIE_VR_PACKET) ? accepts_vr_packet(packet, DIRECT) :
						 accepts_skb(packet, 0, DIRECT))
		return true;
	if (!has(cookie, (__u64)VRFT_COOKIE_COMPANION_MASK
			 << VRFT_COOKIE_VIF_SHIFT))
		return false;
	vif = companion(ctx, cookie, VRFT_COOKIE_VIF_SHIFT);
	return vif && bit(control.vif_bits,
			  read_u16(vif + config.vif_idx_offset, DIRECT));
}

#endif
