/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Writes records, and counts those that cannot be written. */
#ifndef VRFT_RECORD_H
#define VRFT_RECORD_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);	/* set by user space before loading */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* possible CPUs, set by user space */
	__type(key, __u32);
	__type(value, struct vrft_counters);
} counters SEC(".maps");

/*
 * Waking the reader for every record costs the traced path more than the
 * record itself: 274,000 instructions in a round trip rather than 198,000 (see
 * programs.h). So wake it once, and only if its flag says that it sleeps; it
 * polls by a timer as long as it finds records. The flag is read after the
 * reservation, and the reader sets it before it checks for records. Neither
 * side has a full barrier in between, so a wake-up can be missed in theory;
 * the reader never sleeps longer than its timeout.
 */
static __always_inline __u64 wakeup_flags(void)
{
	if (!control.reader_waits)
		return BPF_RB_NO_WAKEUP;
	control.reader_waits = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* The function and the slot of its packet, as they lie in a record. */
static __always_inline __u32 call_word(__u64 cookie, __u16 slot)
{
	return (cookie & VRFT_COOKIE_FUNCTION_MASK) | (__u32)slot << 16;
}

/*
 * False if the ring is full: the record is counted as lost.
 *
 * One reservation per record: without the ring, a round trip takes 174,000
 * instructions rather than 198,000. Batching could save less than that, would
 * need per-CPU memory safe against interrupts and preemption, and would delay
 * the last records of a packet. A record has 24 bytes to save space in the
 * ring and work in the reader: filling in 64 bytes takes as many instructions.
 */
static __always_inline bool record(__u32 call, __u8 kind, __u8 generation,
				   __u64 frame)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_counters *count = bpf_map_lookup_elem(&counters, &cpu);
	struct vrft_event *event;

	if (!count)
		return false;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count->lost++;
		return false;
	}
	event->timestamp = bpf_ktime_get_ns();
	event->task = bpf_get_current_pid_tgid();
	event->frame = frame;
	*(__u32 *)&event->function = call;
	*(__u32 *)&event->cpu = cpu | kind << 16 | (__u32)generation << 24;
	bpf_ringbuf_submit(event, wakeup_flags());
	count->recorded++;
	return true;
}

/* A call that cannot be followed to its return, and so is not recorded. */
static __always_inline void count_untracked(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_counters *count = bpf_map_lookup_elem(&counters, &cpu);

	if (count)
		count->untracked++;
}

#endif
