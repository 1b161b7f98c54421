/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Recorded calls that have not returned yet, for kprobe.multi, whose return
 * program runs for every call. (Sessions do not need this.)
 */
#ifndef VRFT_OPEN_CALLS_H
#define VRFT_OPEN_CALLS_H

/*
 * A call is identified by the stack slot of its return address, which no two
 * live calls share, except a tail call and its caller: hence the function in
 * the key.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u32);		/* see struct vrft_call */
} open_calls SEC(".maps");

/* Kernel addresses have their upper 16 bits set: room for the function. */
static __always_inline __u64 call_key(__u64 cookie, __u64 frame)
{
	return cookie << 48 | (frame & 0xffffffffffffULL);
}

/* False if the table is full: the call is counted, but not followed. */
static __always_inline bool open_call(__u64 cookie, __u32 call, __u64 frame)
{
	__u64 key = call_key(cookie, frame);

	if (!bpf_map_update_elem(&open_calls, &key, &call, BPF_ANY))
		return true;
	count_untracked();
	return false;
}

/* True if the call was open: then sets *call as in open_call(). */
static __always_inline bool close_call(__u64 cookie, __u32 *call, __u64 frame)
{
	__u64 key = call_key(cookie, frame);
	__u32 *open = bpf_map_lookup_elem(&open_calls, &key);

	if (!open)
		return false;
	*call = *open;
	bpf_map_delete_elem(&open_calls, &key);
	return true;
}

#endif
