/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Recorded calls by the stack slot of their return address, for kprobes. A
 * probe on an exit only knows its own address. All calls with this slot return:
 * a function, and before it those that reached it by tail calls.
 */
#ifndef VRFT_OPEN_FRAMES_H
#define VRFT_OPEN_FRAMES_H

/*
 * vrouter passes packets on by tail calls where it can: eight in a row are
 * common from vr_virtual_input() to linux_xmit(). A power of two.
 */
#define VRFT_CHAIN_LENGTH	32

struct vrft_frame {
	__u32 count;
	__u32 calls[VRFT_CHAIN_LENGTH];	/* the latest one last */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct vrft_frame);
} open_frames SEC(".maps");

/* Cookies by the address of a probe, and of a function. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);		/* set by user space */
	__type(key, __u64);
	__type(value, __u64);
} places SEC(".maps");

/*
 * Cookie of the running probe. Its address is one below the instruction
 * pointer, as after a breakpoint; the same holds for probes optimized to jumps
 * or on an ftrace site (arch/x86/kernel/kprobes).
 */
static __always_inline __u64 *probe_cookie(struct pt_regs *ctx)
{
	__u64 address = ctx->ip - 1;

	return bpf_map_lookup_elem(&places, &address);
}

static __always_inline bool open_frame(__u32 call, __u64 frame)
{
	struct vrft_frame *open = bpf_map_lookup_elem(&open_frames, &frame);
	struct vrft_frame new = { .count = 1 };
	__u32 count;

	if (open) {
		count = open->count;
		if (count < VRFT_CHAIN_LENGTH) {
			open->calls[count] = call;
			open->count = count + 1;
			return true;
		}
	} else {
		new.calls[0] = call;
		if (!bpf_map_update_elem(&open_frames, &frame, &new, BPF_ANY))
			return true;
	}
	count_untracked();
	return false;
}

/* Undoes the latest open_frame(). */
static __always_inline void forget_frame(__u64 frame)
{
	struct vrft_frame *open = bpf_map_lookup_elem(&open_frames, &frame);

	if (open && open->count > 1)
		open->count--;
	else
		bpf_map_delete_elem(&open_frames, &frame);
}

/*
 * @result: of all calls with this frame, if it is known
 * @has_copy: it is that of skb_clone(), which may end in a jump to
 * __skb_clone(), with the copy in its place already
 */
static __always_inline void return_frame(__u64 frame, __u64 result, bool known,
					 bool has_copy)
{
	struct vrft_frame *open = bpf_map_lookup_elem(&open_frames, &frame);
	/* Once, ahead of the loop, or the verifier looks at both each time. */
	bool is_long = config.show & VRFT_SHOW_RESULT && known;
	__u32 count, call, i, copies = 0;

	if (!open)
		return;
	count = open->count;
	for (i = 0; i < VRFT_CHAIN_LENGTH && count > 0; i++) {
		count--;
		call = open->calls[count % VRFT_CHAIN_LENGTH];
		if (call & VRFT_COOKIE_COPIES)
			copies = call;
		if ((call & VRFT_COOKIE_FUNCTION_MASK) < config.recorded)
			record_call(call, VRFT_RETURN, 0, frame, is_long,
				    result);
	}
	bpf_map_delete_elem(&open_frames, &frame);
	if (copies && has_copy)
		copied(copies, result, VRFT_MAX_COPIES, false);
	else if (copies)
		fetch_and_add(&here()->packets_unfollowed, 1);
}

/* Target of a jump through a register. */
static __always_inline __u64 jump_target(struct pt_regs *ctx, __u32 number)
{
	__u64 ax = ctx->ax, cx = ctx->cx, dx = ctx->dx, bx = ctx->bx;
	__u64 bp = ctx->bp, si = ctx->si, di = ctx->di, r8 = ctx->r8;
	__u64 r9 = ctx->r9, r10 = ctx->r10, r11 = ctx->r11, r12 = ctx->r12;
	__u64 r13 = ctx->r13, r14 = ctx->r14, r15 = ctx->r15;

	/* As in argument(). */
	asm volatile("" : "+r"(ax), "+r"(cx), "+r"(dx), "+r"(bx));
	asm volatile("" : "+r"(bp), "+r"(si), "+r"(di), "+r"(r8));
	asm volatile("" : "+r"(r9), "+r"(r10), "+r"(r11), "+r"(r12));
	asm volatile("" : "+r"(r13), "+r"(r14), "+r"(r15));
	switch (number) {
	case 0: return ax;
	case 1: return cx;
	case 2: return dx;
	case 3: return bx;
	case 5: return bp;
	case 6: return si;
	case 7: return di;
	case 8: return r8;
	case 9: return r9;
	case 10: return r10;
	case 11: return r11;
	case 12: return r12;
	case 13: return r13;
	case 14: return r14;
	case 15: return r15;
	default: return 0;
	}
}

#endif
