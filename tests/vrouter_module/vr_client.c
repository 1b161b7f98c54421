// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vr_client.h"

#define SANDESH_REQUEST		1
#define ATTR_MESSAGE		1

static int netlink;
static uint16_t family;

void die(const char *what, const char *on, int err)
{
	fprintf(stderr, "%s: %s %s: %s\n", program_invocation_short_name, what,
		on, strerror(err));
	exit(1);
}

int number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	if (!*text || *end)
		die("Not a number:", text, EINVAL);
	return value;
}

static void put(struct message *message, const void *data, size_t len)
{
	memcpy((uint8_t *)message + message->nlh.nlmsg_len, data, len);
	message->nlh.nlmsg_len += len;
}

/* The last size bytes of value, big endian. */
static void put_int(struct message *message, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = value >> 8 * (size - 1 - i);
	put(message, bytes, size);
}

static void put_header(struct message *message, uint8_t type, uint16_t id)
{
	put_int(message, type, 1);
	put_int(message, id, 2);
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

void client_open(void)
{
	static const char name[] = "the netlink family vrouter";
	struct nlattr attr = { NLA_HDRLEN + sizeof("vrouter"), CTRL_ATTR_FAMILY_NAME };
	struct message message;
	uint8_t *at, *end;

	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (netlink < 0)
		die("Cannot open", "a netlink socket", errno);

	start(&message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	put(&message, &attr, sizeof(attr));
	put(&message, "vrouter", sizeof("vrouter"));
	transact(&message, name);

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

	die("No id for", name, EPROTO);
}

void request_start(struct message *message, const char *name)
{
	/* The length is filled in when it is known. */
	const struct nlattr attr = { 0, ATTR_MESSAGE };

	start(message, family, SANDESH_REQUEST);
	put(message, &attr, sizeof(attr));
	put_int(message, strlen(name), 4);
	put(message, name, strlen(name));
}

void request_put(struct message *message, uint8_t type, uint16_t id,
		 uint64_t value)
{
	put_header(message, type, id);
	switch (type) {
	case TYPE_BYTE:
		put_int(message, value, 1);
		break;
	case TYPE_I16:
	case TYPE_U16:
		put_int(message, value, 2);
		break;
	case TYPE_I32:
	case TYPE_U32:
		put_int(message, value, 4);
		break;
	default:
		put_int(message, value, 8);
	}
}

void request_put_string(struct message *message, uint16_t id, const char *value)
{
	put_header(message, TYPE_STRING, id);
	put_int(message, strlen(value), 4);
	put(message, value, strlen(value));
}

void request_put_bytes(struct message *message, uint16_t id,
		       const uint8_t *bytes, size_t count)
{
	put_header(message, TYPE_LIST, id);
	put_int(message, TYPE_BYTE, 1);
	put_int(message, count, 4);
	put(message, bytes, count);
}

void request_put_i32s(struct message *message, uint16_t id, int32_t value)
{
	put_header(message, TYPE_LIST, id);
	put_int(message, TYPE_I32, 1);
	put_int(message, 1, 4);
	put_int(message, value, 4);
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

void request_send(struct message *message, const char *what, const char *on)
{
	struct nlattr *attr = (struct nlattr *)message->data;
	int32_t code;

	put_int(message, TYPE_STOP, 1);
	attr->nla_len = (uint8_t *)message + message->nlh.nlmsg_len - message->data;
	transact(message, on);

	code = response_code(message);
	if (code < 0)
		die(what, on, -code);
}
