// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * What vrft is measured against where no ready-made tracer does the same: a
 * plain C program on libbpf. Static, so that it runs in any guest.
 *
 * The list of functions has a line for each: ADDRESS COOKIE NAME, both numbers
 * in hexadecimal; peer.h tells what a cookie holds.
 */
#include "peer.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
"Usage: peer OBJECT MODE [ARGUMENT]...\n"
"\n"
"  empty FUNCTIONS READY             kprobe.session, a program that does nothing\n"
"  reject FUNCTIONS READY            reads the packet's interface and refuses it\n"
"  record FUNCTIONS READY OUTPUT     a record at both ends of each call, and a\n"
"                                    row of text for each into the file OUTPUT\n"
"  perf-kprobes FUNCTIONS READY      one perf kprobe for each function's entry\n"
"  ring-to-text RECORDS              rows of records written by test runs\n"
"\n"
"Creates the file READY once all probes are live, ends with SIGINT, and then\n"
"prints what it counted as JSON. ring-to-text ends by itself.\n";

#define RING_BYTES	(64U << 20)
#define STDIO_BYTES	65536
/* enum bpf_attach_type: kprobe.session, Linux 6.10; libbpf 1.1 has no name for it. */
#define TRACE_KPROBE_SESSION	56
#define POLL_MS		100

struct functions {
	size_t count;
	__u64 *addresses;
	__u64 *cookies;
	char (*names)[64];
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	fputs("peer: ", stderr);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	va_end(arguments);
	exit(1);
}

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		die("Cannot allocate %zu times %zu bytes", count, size);
	return memory;
}

static struct functions read_functions(const char *path)
{
	FILE *file = fopen(path, "r");
	struct functions functions = {};
	size_t room = 1 << 16;
	unsigned long long address, cookie;

	if (!file)
		die("Cannot open the list of functions \"%s\"", path);
	functions.addresses = allocate(room, sizeof(*functions.addresses));
	functions.cookies = allocate(room, sizeof(*functions.cookies));
	functions.names = allocate(room, sizeof(*functions.names));
	while (functions.count < room &&
	       fscanf(file, "%llx %llx %63s", &address, &cookie,
		      functions.names[functions.count]) == 3) {
		functions.addresses[functions.count] = address;
		functions.cookies[functions.count++] = cookie;
	}
	fclose(file);
	errno = EINVAL;
	if (functions.count == 0)
		die("Cannot read the list of functions \"%s\"", path);
	return functions;
}

/* Loads one program of the object and no other. */
static struct bpf_object *load(const char *path, const char *name, bool session)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;

	if (!object)
		die("Cannot open the BPF object \"%s\"", path);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, false);
	program = bpf_object__find_program_by_name(object, name);
	if (!program)
		die("Cannot find the program \"%s\"", name);
	bpf_program__set_autoload(program, true);
	if (session)
		bpf_program__set_expected_attach_type(program,
						      TRACE_KPROBE_SESSION);
	bpf_map__set_max_entries(
		bpf_object__find_map_by_name(object, "events"), RING_BYTES);
	if (bpf_object__load(object))
		die("Cannot load the program \"%s\"", name);
	return object;
}

static int program_fd(struct bpf_object *object, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

static int map_fd(struct bpf_object *object, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(object, name));
}

/* Not bpf_link_create(), which refuses attach types that it does not know. */
static int attach_session(int program, const struct functions *functions)
{
	union bpf_attr attributes = {
		.link_create = {
			.prog_fd = program,
			.attach_type = TRACE_KPROBE_SESSION,
			.kprobe_multi = {
				.cnt = functions->count,
				.addrs = (__u64)functions->addresses,
				.cookies = (__u64)functions->cookies,
			},
		},
	};
	int link = syscall(SYS_bpf, BPF_LINK_CREATE, &attributes,
			   sizeof(attributes));

	if (link < 0)
		die("Cannot attach to %zu functions", functions->count);
	return link;
}

static void announce(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (file < 0)
		die("Cannot create the ready file \"%s\"", path);
	close(file);
}

static struct peer_counts total(struct bpf_object *object)
{
	int cpus = libbpf_num_possible_cpus(), cpu;
	struct peer_counts *counts = allocate(cpus, sizeof(*counts));
	struct peer_counts sum = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(map_fd(object, "counts"), &zero, counts))
		die("Cannot read the counters");
	for (cpu = 0; cpu < cpus; cpu++) {
		sum.recorded += counts[cpu].recorded;
		sum.lost += counts[cpu].lost;
	}
	free(counts);
	return sum;
}

struct printer {
	FILE *output;
	const struct functions *functions;
	unsigned long long rows;
};

/* vrft's columns, without a tree: one fprintf() for each record. */
static int print(void *context, void *data, size_t size)
{
	struct printer *printer = context;
	const struct peer_event *event = data;
	const char *name = "}";

	(void)size;
	if (event->kind == PEER_ENTRY)
		name = printer->functions->names[event->function];
	fprintf(printer->output, "%-20llu %03u %-64s\n",
		(unsigned long long)event->timestamp, event->cpu, name);
	printer->rows++;
	return 0;
}

static struct ring_buffer *open_ring(struct bpf_object *object,
				     struct printer *printer, const char *path)
{
	struct ring_buffer *ring =
		ring_buffer__new(map_fd(object, "events"), print, printer, NULL);

	if (!ring)
		die("Cannot map the ring buffer");
	printer->output = fopen(path, "w");
	if (!printer->output)
		die("Cannot open \"%s\" for writing", path);
	setvbuf(printer->output, NULL, _IOFBF, STDIO_BYTES);
	return ring;
}

static int trace(const char *object_path, const char *name,
		 const char *list, const char *ready, const char *output)
{
	struct functions functions = read_functions(list);
	struct printer printer = { .functions = &functions };
	double start = now_ms(), attached, detaching, detached;
	struct bpf_object *object = load(object_path, name, true);
	struct ring_buffer *ring = NULL;
	struct peer_counts counts;
	int link;

	if (output)
		ring = open_ring(object, &printer, output);
	link = attach_session(program_fd(object, name), &functions);
	attached = now_ms();
	announce(ready);
	while (!stopped) {
		if (ring)
			ring_buffer__poll(ring, POLL_MS);
		else
			usleep(POLL_MS * 1000);
	}
	detaching = now_ms();
	close(link);
	detached = now_ms();
	if (ring) {
		ring_buffer__consume(ring);
		fclose(printer.output);
	}
	counts = total(object);
	printf("{\"functions\":%zu,\"attachMs\":%.3f,\"detachMs\":%.3f,"
	       "\"recorded\":%llu,\"lost\":%llu,\"rows\":%llu}\n",
	       functions.count, attached - start, detached - detaching,
	       (unsigned long long)counts.recorded,
	       (unsigned long long)counts.lost, printer.rows);
	return 0;
}

/* Dynamic, because kernels built without some PMUs number theirs otherwise. */
static int kprobe_type(void)
{
	const char *path = "/sys/bus/event_source/devices/kprobe/type";
	FILE *file = fopen(path, "r");
	int type;

	if (!file || fscanf(file, "%d", &type) != 1)
		die("Cannot read \"%s\"", path);
	fclose(file);
	return type;
}

static int attach_kprobe(int type, int program, __u64 address)
{
	struct perf_event_attr attributes = {
		.type = type,
		.size = sizeof(attributes),
		.kprobe_addr = address,
	};
	int event = syscall(SYS_perf_event_open, &attributes, -1, 0, -1,
			    PERF_FLAG_FD_CLOEXEC);

	if (event < 0)
		return -1;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) ||
	    ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		die("Cannot run the program at 0x%llx",
		    (unsigned long long)address);
	return event;
}

static int trace_kprobes(const char *object_path, const char *list,
			 const char *ready)
{
	struct functions functions = read_functions(list);
	int *events = allocate(functions.count, sizeof(*events));
	struct rlimit files = { functions.count + 1024, functions.count + 1024 };
	double start = now_ms(), attached, detaching;
	struct bpf_object *object = load(object_path, "peer_kprobe", false);
	int program = program_fd(object, "peer_kprobe");
	size_t index, count = 0;
	int type = kprobe_type();

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("Cannot raise the limit of open files to %zu",
		    functions.count + 1024);
	for (index = 0; index < functions.count; index++) {
		int event = attach_kprobe(type, program,
					  functions.addresses[index]);
		/* Kprobes have a black list of their own. */
		if (event >= 0)
			events[count++] = event;
	}
	if (count == 0)
		die("Cannot attach to any of %zu functions", functions.count);
	attached = now_ms();
	announce(ready);
	while (!stopped)
		usleep(POLL_MS * 1000);
	detaching = now_ms();
	for (index = 0; index < count; index++)
		close(events[index]);
	printf("{\"functions\":%zu,\"attachMs\":%.3f,\"detachMs\":%.3f}\n",
	       count, attached - start, now_ms() - detaching);
	return 0;
}

/* Must be the same as in ring_to_text.ts. */
#define DEPTH	8
#define FRAME	0xffffc90000010000ULL

static void produce(int program, unsigned long records)
{
	__u64 context[3];
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context,
		    .ctx_size_in = sizeof(context));
	unsigned long index;

	for (index = 0; index < records; index++) {
		unsigned int step = index % (2 * DEPTH);
		unsigned int depth = step < DEPTH ? step : 2 * DEPTH - 1 - step;

		context[0] = depth;
		context[1] = step < DEPTH ? PEER_ENTRY : PEER_RETURN;
		context[2] = FRAME - 128 * depth;
		if (bpf_prog_test_run_opts(program, &options))
			die("Cannot run the test program");
	}
}

/* Fills the ring and reads it, twice, because vrft's first time is its slower one. */
static int ring_to_text(const char *object_path, unsigned long records)
{
	char names[DEPTH][64];
	struct functions functions = { .count = DEPTH, .names = names };
	struct printer printer = { .functions = &functions };
	struct bpf_object *object = load(object_path, "peer_test_record", false);
	struct ring_buffer *ring = open_ring(object, &printer, "/dev/null");
	int program = program_fd(object, "peer_test_record");
	double taken[2];
	int index;

	for (index = 0; index < DEPTH; index++)
		snprintf(names[index], sizeof(names[index]),
			 "function_number_%d() {", index);
	for (index = 0; index < 2; index++) {
		double start;

		produce(program, records);
		start = now_ms();
		while (printer.rows < records * (index + 1)) {
			if (ring_buffer__poll(ring, 0) < 0)
				die("Cannot read the ring buffer");
		}
		fflush(printer.output);
		taken[index] = now_ms() - start;
	}
	printf("{\"records\":%lu,\"firstMs\":%.3f,\"secondMs\":%.3f}\n", records,
	       taken[0], taken[1]);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = stop };
	const char *mode = argc > 2 ? argv[2] : "";

	sigaction(SIGINT, &action, NULL);
	if (!strcmp(mode, "empty") && argc == 5)
		return trace(argv[1], "peer_empty", argv[3], argv[4], NULL);
	if (!strcmp(mode, "reject") && argc == 5)
		return trace(argv[1], "peer_reject", argv[3], argv[4], NULL);
	if (!strcmp(mode, "record") && argc == 6)
		return trace(argv[1], "peer_record", argv[3], argv[4], argv[5]);
	if (!strcmp(mode, "perf-kprobes") && argc == 5)
		return trace_kprobes(argv[1], argv[3], argv[4]);
	if (!strcmp(mode, "ring-to-text") && argc == 4)
		return ring_to_text(argv[1], strtoul(argv[3], NULL, 10));
	fputs(usage, stderr);
	return 2;
}
