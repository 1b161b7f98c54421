// SPDX-License-Identifier: GPL-2.0
/*
 * Lists and sets flows of the stand-in, with the options of the real utility of
 * that name. The real one maps the table; this one reads /proc/vrouter_flow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "vr_client.h"

#define TABLE		"/proc/vrouter_flow"

#define ACTION_DROP	0
#define ACTION_HOLD	1
#define ACTION_FORWARD	2

#define FLAG_ACTIVE	1

struct flow {
	int index;
	unsigned int gen_id;
	char source[INET_ADDRSTRLEN];
	char destination[INET_ADDRSTRLEN];
	unsigned int sport, dport, proto, nh, vrf;
	char action;
	unsigned int packets, held;
};

/* False at the end of the table. */
static bool next_flow(FILE *table, struct flow *flow)
{
	return fscanf(table, "%d %u %15s %15s %u %u %u %u %u %c %u %u\n",
		      &flow->index, &flow->gen_id, flow->source,
		      flow->destination, &flow->sport, &flow->dport,
		      &flow->proto, &flow->nh, &flow->vrf, &flow->action,
		      &flow->packets, &flow->held) == 12;
}

static FILE *open_table(void)
{
	FILE *table = fopen(TABLE, "r");

	if (!table)
		die("Cannot open", TABLE, errno);
	return table;
}

static void list(void)
{
	FILE *table = open_table();
	struct flow flow;

	while (next_flow(table, &flow))
		printf("%d %s:%u %s:%u %u (%u) Gen:%u K(nh):%u Action:%c Packets:%u Held:%u\n",
		       flow.index, flow.source, flow.sport, flow.destination,
		       flow.dport, flow.proto, flow.vrf, flow.gen_id, flow.nh,
		       flow.action, flow.packets, flow.held);
	fclose(table);
}

static void find_flow(int index, const char *text, struct flow *flow)
{
	FILE *table = open_table();

	while (next_flow(table, flow)) {
		if (flow->index == index) {
			fclose(table);
			return;
		}
	}

	die("Cannot find the flow", text, ENOENT);
}

static uint32_t address(const char *text)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		die("Not an IPv4 address:", text, EINVAL);
	return in.s_addr;
}

/* fr_flow_vrf is where the packets of the flow are looked up from then on. */
static void set(const struct flow *flow, int action, int flags, int vrf,
		int source_nh, const char *on)
{
	struct message message;

	request_start(&message, "vr_flow_req");
	request_put(&message, TYPE_I32, 1, OP_ADD);
	request_put(&message, TYPE_I32, 3, flow->index);
	request_put(&message, TYPE_I16, 4, action);
	request_put(&message, TYPE_I16, 5, flags);
	request_put(&message, TYPE_I32, 7, AF_INET);
	request_put(&message, TYPE_U64, 9, address(flow->source));
	request_put(&message, TYPE_U64, 11, address(flow->destination));
	request_put(&message, TYPE_U16, 12, htons(flow->sport));
	request_put(&message, TYPE_U16, 13, htons(flow->dport));
	request_put(&message, TYPE_BYTE, 14, flow->proto);
	request_put(&message, TYPE_U16, 15, vrf);
	request_put(&message, TYPE_U16, 16, vrf);
	request_put(&message, TYPE_U32, 24, source_nh);
	request_put(&message, TYPE_U32, 25, flow->nh);
	request_put(&message, TYPE_BYTE, 27, flow->gen_id);
	request_send(&message, "Cannot set the flow", on);
}

static int usage(FILE *to)
{
	fputs("Usage: flow -l\n"
	      "       flow -f INDEX [VRF=0] [SOURCE_NH=0]\n"
	      "       flow -d INDEX\n"
	      "       flow -i INDEX\n"
	      "       flow -h NH SOURCE DESTINATION PROTOCOL SPORT DPORT [VRF=0]\n"
	      "\n"
	      "-l lists the flows. -f sets a flow to Forward, from then on in VRF; with\n"
	      "SOURCE_NH, its packets must come from where that nexthop leads. -d sets it\n"
	      "to Drop, -i removes it. Packets on hold then go on, or are dropped. -h adds\n"
	      "a flow on Hold, before its first packet.\n", to);
	return to == stdout ? 0 : 2;
}

static int add_on_hold(int argc, char **argv)
{
	struct flow flow = { .index = -1 };

	if (argc < 8 || argc > 9)
		return usage(stderr);

	flow.nh = number(argv[2]);
	snprintf(flow.source, sizeof(flow.source), "%s", argv[3]);
	snprintf(flow.destination, sizeof(flow.destination), "%s", argv[4]);
	flow.proto = number(argv[5]);
	flow.sport = number(argv[6]);
	flow.dport = number(argv[7]);
	set(&flow, ACTION_HOLD, FLAG_ACTIVE, argc > 8 ? number(argv[8]) : 0, 0,
	    argv[3]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *option = argc > 1 ? argv[1] : "";
	struct flow flow;

	if (!strcmp(option, "--help"))
		return usage(stdout);
	if (strlen(option) != 2 || !strchr("lfdih", option[1]) || option[0] != '-')
		return usage(stderr);

	if (option[1] == 'l') {
		list();
		return 0;
	}

	client_open();
	if (option[1] == 'h')
		return add_on_hold(argc, argv);
	if (argc < 3 || argc > (option[1] == 'f' ? 5 : 3))
		return usage(stderr);

	find_flow(number(argv[2]), argv[2], &flow);
	if (option[1] == 'f')
		set(&flow, ACTION_FORWARD, FLAG_ACTIVE,
		    argc > 3 ? number(argv[3]) : 0,
		    argc > 4 ? number(argv[4]) : 0, argv[2]);
	else
		set(&flow, ACTION_DROP, option[1] == 'd' ? FLAG_ACTIVE : 0, 0, 0,
		    argv[2]);
	return 0;
}
