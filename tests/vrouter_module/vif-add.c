// SPDX-License-Identifier: GPL-2.0
/*
 * Adds vifs to the vRouter module, as an agent would. Implements only the part
 * of the protocol needed for that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SANDESH_REQUEST		1
#define ATTR_MESSAGE		1
#define OP_ADD			0

#define TYPE_BYTE		3
#define TYPE_I32		8
#define TYPE_STRING		11
#define TYPE_LIST		15

#define VIF_TYPE_PHYSICAL	2
#define VIF_TYPE_VIRTUAL	3
#define NO_MULTICAST_VRF	65535

/* What the stock utilities send. */
#define MTU_PHYSICAL		1514
#define MTU_VIRTUAL		9160
static const uint8_t vm_mac[] = { 0x00, 0x00, 0x5e, 0x00, 0x01, 0x00 };

struct message {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	uint8_t data[4096];
};

static int netlink;
static uint16_t family;

static void die(const char *what, const char *on, int err)
{
	fprintf(stderr, "vif-add: %s %s: %s\n", what, on, strerror(err));
	exit(1);
}

static void put(struct message *message, const void *data, size_t len)
{
	memcpy((uint8_t *)message + message->nlh.nlmsg_len, data, len);
	message->nlh.nlmsg_len += len;
}

static void put_u8(struct message *message, uint8_t value)
{
	put(message, &value, sizeof(value));
}

static void put_be16(struct message *message, uint16_t value)
{
	value = htons(value);
	put(message, &value, sizeof(value));
}

static void put_be32(struct message *message, uint32_t value)
{
	value = htonl(value);
	put(message, &value, sizeof(value));
}

static void put_string(struct message *message, const char *value)
{
	put_be32(message, strlen(value));
	put(message, value, strlen(value));
}

static void put_field_i32(struct message *message, uint16_t id, int32_t value)
{
	put_u8(message, TYPE_I32);
	put_be16(message, id);
	put_be32(message, value);
}

static void put_field_mac(struct message *message, uint16_t id,
			  const uint8_t *mac)
{
	put_u8(message, TYPE_LIST);
	put_be16(message, id);
	put_u8(message, TYPE_BYTE);
	put_be32(message, 6);
	put(message, mac, 6);
}

static void start(struct message *message, uint16_t type, uint8_t command)
{
	memset(message, 0, sizeof(*message));
	message->nlh.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	message->nlh.nlmsg_type = type;
	message->nlh.nlmsg_flags = NLM_F_REQUEST;
	message->genl.cmd = command;
	message->genl.version = 1;
}

/* Sends a message and replaces it with the reply. */
static void transact(struct message *message, const char *on)
{
	ssize_t len;

	if (send(netlink, message, message->nlh.nlmsg_len, 0) < 0)
		die("Cannot send the request for", on, errno);

	len = recv(netlink, message, sizeof(*message), 0);
	if (len < 0)
		die("Cannot receive the reply for", on, errno);
	if (message->nlh.nlmsg_type == NLMSG_ERROR) {
		struct nlmsgerr *error = NLMSG_DATA(&message->nlh);

		die("Refused:", on, -error->error);
	}
}

static void find_family(void)
{
	struct nlattr attr = { NLA_HDRLEN + sizeof("vrouter"), CTRL_ATTR_FAMILY_NAME };
	struct message message;
	uint8_t *at, *end;

	start(&message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	put(&message, &attr, sizeof(attr));
	put(&message, "vrouter", sizeof("vrouter"));
	transact(&message, "the netlink family vrouter");

	end = (uint8_t *)&message + message.nlh.nlmsg_len;
	for (at = message.data; at + sizeof(attr) <= end;
	     at += NLA_ALIGN(attr.nla_len)) {
		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_type == CTRL_ATTR_FAMILY_ID) {
			memcpy(&family, at + NLA_HDRLEN, sizeof(family));
			return;
		}
		if (attr.nla_len < NLA_HDRLEN)
			break;
	}

	die("No id for", "the netlink family vrouter", EPROTO);
}

static void device_mac(const char *name, uint8_t *mac)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		die("Cannot read the MAC address of", name, errno);

	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* The result is the last field of the reply's vr_response: id 2, an i32. */
static int32_t response_code(const struct message *message)
{
	static const uint8_t field[] = { TYPE_I32, 0, 2 };
	const uint8_t *end = (uint8_t *)message + message->nlh.nlmsg_len;
	const uint8_t *at = message->data + NLA_HDRLEN + 4 + strlen("vr_response") + 7;
	int32_t code;

	if (at + sizeof(field) + sizeof(code) > end || memcmp(at, field, sizeof(field)))
		return -EPROTO;

	memcpy(&code, at + sizeof(field), sizeof(code));
	return (int32_t)ntohl(code);
}

static void add(const char *name, int idx, int type, int vrf, int flags)
{
	struct nlattr attr = { 0, ATTR_MESSAGE };
	struct message message;
	uint8_t mac[6];
	int32_t code;
	size_t where;
	int os_idx;

	os_idx = if_nametoindex(name);
	if (!os_idx)
		die("Cannot find the device", name, errno);
	memcpy(mac, vm_mac, sizeof(mac));
	if (type == VIF_TYPE_PHYSICAL)
		device_mac(name, mac);

	start(&message, family, SANDESH_REQUEST);
	where = message.nlh.nlmsg_len;
	put(&message, &attr, sizeof(attr));
	put_string(&message, "vr_interface_req");
	put_field_i32(&message, 1, OP_ADD);
	put_field_i32(&message, 3, type);
	put_field_i32(&message, 4, flags);
	put_field_i32(&message, 5, vrf);
	put_field_i32(&message, 6, idx);
	put_field_i32(&message, 8, os_idx);
	put_field_i32(&message, 9, type == VIF_TYPE_PHYSICAL ? MTU_PHYSICAL : MTU_VIRTUAL);
	put_u8(&message, TYPE_STRING);
	put_be16(&message, 10);
	put_string(&message, name);
	put_field_mac(&message, 38, mac);
	put_field_i32(&message, 63, NO_MULTICAST_VRF);
	put_u8(&message, 0);

	attr.nla_len = message.nlh.nlmsg_len - where;
	memcpy((uint8_t *)&message + where, &attr, sizeof(attr));
	transact(&message, name);

	code = response_code(&message);
	if (code < 0)
		die("Cannot add the vif", name, -code);
}

static int number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	if (!*text || *end)
		die("Not a number:", text, EINVAL);
	return value;
}

static void add_many(const char *prefix, int first, int count)
{
	char name[IFNAMSIZ];
	int i;

	for (i = first; i < first + count; i++) {
		if (snprintf(name, sizeof(name), "%s%d", prefix, i) >= (int)sizeof(name))
			die("Name too long:", prefix, ENAMETOOLONG);
		add(name, i, VIF_TYPE_VIRTUAL, 0, 0);
	}
}

static void usage(FILE *to)
{
	fputs("Usage: vif-add NAME IDX [TYPE=3] [VRF=0] [FLAGS=0]\n"
	      "       vif-add --bulk PREFIX FIRST COUNT\n"
	      "\n"
	      "Adds the device NAME of this network namespace as vif IDX. TYPE is 2 for\n"
	      "the fabric and 3 for a VM. --bulk adds the devices PREFIX<n> as vifs n,\n"
	      "for n from FIRST on.\n", to);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (argc < 3 || argc > 6) {
		usage(stderr);
		return 2;
	}

	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (netlink < 0)
		die("Cannot open", "a netlink socket", errno);
	find_family();

	if (!strcmp(argv[1], "--bulk")) {
		if (argc != 5) {
			usage(stderr);
			return 2;
		}
		add_many(argv[2], number(argv[3]), number(argv[4]));
		return 0;
	}

	add(argv[1], number(argv[2]),
	    argc > 3 ? number(argv[3]) : VIF_TYPE_VIRTUAL,
	    argc > 4 ? number(argv[4]) : 0,
	    argc > 5 ? number(argv[5]) : 0);
	return 0;
}
