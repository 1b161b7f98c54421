/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Writes records into the ring of this CPU, and counts those that cannot be
 * written.
 *
 * A program reserves units by moving the head, fills them, and stores the word
 * with the kind last: until that is non-zero, the reader knows the record for
 * half written. Programs of one CPU may interrupt one another, so the head is
 * moved by an atomic addition that returns the old value (Linux 5.12). No other
 * CPU writes to it. There is no lock that could be found taken, and no helper
 * that could fail: in a BPF ring buffer, bpf_ringbuf_reserve() only tries the
 * lock in an NMI, which any kprobe by int3 is, and loses the record though the
 * ring has room. And reserve and submit took 144 of the 241 instructions of a
 * record.
 *
 * The reader relies on two things: a record's time is read after its
 * reservation, so what is reserved after the reader has looked at the head is
 * not older than that look; and x86-64 makes stores visible in their order.
 */
#ifndef VRFT_RECORD_H
#define VRFT_RECORD_H

/*
 * The units of all rings. A ring has one block, or a power of two of them one
 * after the other, because Linux 5.10 takes values of 4 MB at most for an array
 * (KMALLOC_MAX_SIZE). Behind the units of a block there is room for a record
 * that begins in the last one, so records never wrap.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	/* Both set by user space before loading: */
	__uint(value_size, sizeof(struct vrft_event));
	__uint(max_entries, 1);
} ring_blocks SEC(".maps");

/* Wakes the reader. Its contents mean nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} doorbell SEC(".maps");

/* In .bss, so found by its address: no lookup. */
static __always_inline struct vrft_ring *ring_of(__u32 cpu)
{
	return &control.rings[cpu & (VRFT_MAX_CPUS - 1)];
}

/*
 * Adds to a place that only programs of this CPU change; returns what was there
 * before.
 *
 * The kprobe object is also for Linux 5.10, which has no atomic addition that
 * returns a value. Its programs never interrupt one another: trace_call_bpf()
 * runs with preemption off and skips a program while another one of its kind,
 * or one of a kprobe.multi link, is active on the CPU (bpf_prog_active). A
 * program that is not subject to that, such as a raw tracepoint's, must not
 * write to the same ring there; on 5.10 its kind would need rings of its own.
 */
static __always_inline __u64 fetch_and_add(__u64 *place, __u64 value)
{
#ifdef VRFT_NEVER_NESTED
	__u64 old = *(volatile __u64 *)place;

	*(volatile __u64 *)place = old + value;
	return old;
#else
	return __sync_fetch_and_add(place, value);
#endif
}

/*
 * Waking the reader for every record costs the traced path more than the
 * record itself. So wake it once, and only if its flag says that it sleeps; it
 * polls by a timer as long as it finds records. The flag is read after the
 * record is written, and the reader sets it before it checks for records.
 * Neither side has a full barrier in between, so a wake-up can be missed in
 * theory, and in an NMI the reservation fails if the doorbell's lock is taken;
 * the reader never sleeps longer than its timeout.
 */
static __always_inline void wake_reader(void)
{
	void *bell;

	if (!control.reader_waits)
		return;
	control.reader_waits = 0;
	bell = bpf_ringbuf_reserve(&doorbell, sizeof(__u64), 0);
	if (bell)
		bpf_ringbuf_discard(bell, BPF_RB_FORCE_WAKEUP);
}

/* Thread id; by a helper that takes twelve instructions, or by one of five. */
static __always_inline __u32 this_task(void)
{
#ifdef VRFT_DIRECT
	return bpf_get_current_task_btf()->pid;
#else
	return bpf_get_current_pid_tgid();
#endif
}

/*
 * Reserves a record of `units` (at most VRFT_MAX_UNITS), and fills in
 * time and task. NULL if the ring is full: the record is counted as lost. What
 * is reserved must be finished.
 */
static __always_inline struct vrft_event *begin_record(__u32 cpu, __u32 units)
{
	struct vrft_ring *ring = ring_of(cpu);
	struct vrft_event *event;
	__u64 position;
	__u32 block;

#ifdef VRFT_DIRECT
	/* Or its address is made up anew for each member. */
	asm volatile("" : "+r"(ring));
#endif
	if (*(volatile __u64 *)&ring->head - *(volatile __u64 *)&ring->tail >=
	    ring->limit)
		goto lost;
	position = fetch_and_add(&ring->head, units);
	if (units > 1)
		fetch_and_add(&ring->extra, units - 1);
	block = ring->first_block +
		((__u32)(position >> VRFT_BLOCK_BITS) & ring->block_mask);
	event = bpf_map_lookup_elem(&ring_blocks, &block);
	/* It is there, but the verifier does not know. */
	if (!event)
		goto lost;
	event += position & config.unit_mask;
	event->timestamp = bpf_ktime_get_ns();
	event->task = this_task();
	return event;
lost:
	fetch_and_add(&ring->lost, 1);
	return NULL;
}

static __always_inline void finish_record(struct vrft_event *event, __u32 cpu,
					  __u8 kind, __u8 generation)
{
	barrier();
	*(volatile __u32 *)&event->cpu =
		cpu | kind << 16 | (__u32)generation << 24;
	wake_reader();
}

/* The counters of this CPU. */
static __always_inline struct vrft_ring *here(void)
{
	return ring_of(bpf_get_smp_processor_id());
}

/*
 * Records an entry or a return, if asked for with a second unit that starts with
 * `more`. False if the ring is full.
 */
static __always_inline bool record_call(__u32 call, __u8 kind, __u8 generation,
					__u64 frame, bool is_long, __u64 more)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_long_call *record;

	record = (void *)begin_record(cpu, is_long ? 2 : 1);
	if (!record)
		return false;
	record->event.frame = frame;
	*(__u32 *)&record->event.function = call & ~VRFT_COOKIE_COPIES;
	if (is_long)
		record->result = more;
	finish_record(&record->event, cpu, is_long ? kind | VRFT_LONG : kind,
		      generation);
	return true;
}

static __always_inline bool record(__u32 call, __u8 kind, __u8 generation,
				   __u64 frame)
{
	return record_call(call, kind, generation, frame, false, 0);
}

/* A call that cannot be followed to its return, and so is not recorded. */
static __always_inline void count_untracked(void)
{
	fetch_and_add(&here()->untracked, 1);
}

#endif
