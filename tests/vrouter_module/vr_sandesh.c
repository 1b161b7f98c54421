// SPDX-License-Identifier: GPL-2.0
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "vr_compat.h"
#include "vr_sandesh.h"

/* Maximum nesting of containers; real messages have two levels. */
#define SANDESH_MAX_DEPTH	8

/* Size of a value of a fixed-width type; 0 for other types. */
static unsigned int sandesh_width(u8 type)
{
	switch (type) {
	case SANDESH_BOOL:
	case SANDESH_BYTE:
		return 1;
	case SANDESH_I16:
	case SANDESH_U16:
		return 2;
	case SANDESH_I32:
	case SANDESH_U32:
		return 4;
	case SANDESH_DOUBLE:
	case SANDESH_I64:
	case SANDESH_U64:
		return 8;
	default:
		return 0;
	}
}

/* Room for len bytes; NULL if there is none. */
static u8 *sandesh_reserve(struct vr_sandesh_writer *writer, size_t len)
{
	u8 *at = writer->data + writer->len;

	if (len > writer->size - writer->len)
		return NULL;

	writer->len += len;
	return at;
}

static int sandesh_put_u8(struct vr_sandesh_writer *writer, u8 value)
{
	u8 *at = sandesh_reserve(writer, sizeof(value));

	if (!at)
		return -ENOSPC;

	*at = value;
	return 0;
}

static int sandesh_put_be16(struct vr_sandesh_writer *writer, u16 value)
{
	u8 *at = sandesh_reserve(writer, sizeof(value));

	if (!at)
		return -ENOSPC;

	put_unaligned_be16(value, at);
	return 0;
}

static int sandesh_put_be32(struct vr_sandesh_writer *writer, u32 value)
{
	u8 *at = sandesh_reserve(writer, sizeof(value));

	if (!at)
		return -ENOSPC;

	put_unaligned_be32(value, at);
	return 0;
}

static int sandesh_put_be64(struct vr_sandesh_writer *writer, u64 value)
{
	u8 *at = sandesh_reserve(writer, sizeof(value));

	if (!at)
		return -ENOSPC;

	put_unaligned_be64(value, at);
	return 0;
}

/* A count, and elements of the given width. */
static int sandesh_put_elements(struct vr_sandesh_writer *writer,
				const struct vr_sandesh_list *list,
				unsigned int width)
{
	unsigned int count = list ? list->count : 0;
	size_t bytes = (size_t)count * width;
	u8 *at;

	if (sandesh_put_be32(writer, count))
		return -ENOSPC;

	at = sandesh_reserve(writer, bytes);
	if (!at)
		return -ENOSPC;

	if (count && list->data)
		memcpy(at, list->data, bytes);
	else
		memset(at, 0, bytes);
	return 0;
}

static int sandesh_put_integer(struct vr_sandesh_writer *writer, u8 type,
			       const void *value)
{
	switch (sandesh_width(type)) {
	case 1:
		return sandesh_put_u8(writer, value ? *(u8 *)value : 0);
	case 2:
		return sandesh_put_be16(writer, value ? *(u16 *)value : 0);
	case 4:
		return sandesh_put_be32(writer, value ? *(u32 *)value : 0);
	case 8:
		return sandesh_put_be64(writer, value ? *(u64 *)value : 0);
	default:
		return -EINVAL;
	}
}

static int sandesh_put_field(struct vr_sandesh_writer *writer,
			     const struct vr_sandesh_field *field,
			     const void *object)
{
	const void *value = NULL;

	if (field->offset != SANDESH_NO_VALUE)
		value = object + field->offset;

	if (sandesh_put_u8(writer, field->type) ||
	    sandesh_put_be16(writer, field->id))
		return -ENOSPC;

	switch (field->type) {
	case SANDESH_STRING:
		return sandesh_put_elements(writer, value, 1);
	case SANDESH_LIST:
		if (sandesh_put_u8(writer, field->element))
			return -ENOSPC;
		return sandesh_put_elements(writer, value,
					    sandesh_width(field->element));
	default:
		return sandesh_put_integer(writer, field->type, value);
	}
}

static int sandesh_put_struct(struct vr_sandesh_writer *writer,
			      const struct vr_sandesh_type *type,
			      const void *object)
{
	const struct vr_sandesh_list name = {
		.data = type->name,
		.count = strlen(type->name),
	};
	unsigned int i;
	int err;

	err = sandesh_put_elements(writer, &name, 1);
	for (i = 0; !err && i < type->count; i++)
		err = sandesh_put_field(writer, &type->fields[i], object);
	if (!err)
		err = sandesh_put_u8(writer, SANDESH_STOP);

	return err;
}

int vr_sandesh_encode(struct vr_sandesh_writer *writer,
		      const struct vr_sandesh_type *type, const void *object)
{
	unsigned int start = writer->len;
	int err = sandesh_put_struct(writer, type, object);

	if (err)
		writer->len = start;
	return err;
}

/* The next len bytes; NULL if there are fewer. */
static const u8 *sandesh_take(struct vr_sandesh_reader *reader, u64 len)
{
	const u8 *at = reader->data;

	if (len > reader->len)
		return NULL;

	reader->data += len;
	reader->len -= len;
	return at;
}

static int sandesh_get_u8(struct vr_sandesh_reader *reader, u8 *value)
{
	const u8 *at = sandesh_take(reader, sizeof(*value));

	if (!at)
		return -EBADMSG;

	*value = *at;
	return 0;
}

static int sandesh_get_be16(struct vr_sandesh_reader *reader, u16 *value)
{
	const u8 *at = sandesh_take(reader, sizeof(*value));

	if (!at)
		return -EBADMSG;

	*value = get_unaligned_be16(at);
	return 0;
}

/* Counts and lengths are signed on the wire. */
static int sandesh_get_count(struct vr_sandesh_reader *reader, u32 *value)
{
	const u8 *at = sandesh_take(reader, sizeof(*value));

	if (!at)
		return -EBADMSG;

	*value = get_unaligned_be32(at);
	return *value > S32_MAX ? -EBADMSG : 0;
}

static int sandesh_get_elements(struct vr_sandesh_reader *reader,
				unsigned int width, struct vr_sandesh_list *list)
{
	u32 count;

	if (sandesh_get_count(reader, &count))
		return -EBADMSG;

	list->data = sandesh_take(reader, (u64)count * width);
	if (!list->data)
		return -EBADMSG;

	list->count = count;
	return 0;
}

static int sandesh_skip(struct vr_sandesh_reader *reader, u8 type,
			unsigned int depth);

static int sandesh_skip_struct(struct vr_sandesh_reader *reader,
			       unsigned int depth)
{
	struct vr_sandesh_list name;
	u16 id;
	u8 type;

	if (vr_sandesh_read_name(reader, &name))
		return -EBADMSG;

	for (;;) {
		if (sandesh_get_u8(reader, &type))
			return -EBADMSG;
		if (type == SANDESH_STOP)
			return 0;
		if (sandesh_get_be16(reader, &id) ||
		    sandesh_skip(reader, type, depth))
			return -EBADMSG;
	}
}

/* The elements of a list, a set, or (with a second type) a map. */
static int sandesh_skip_container(struct vr_sandesh_reader *reader, bool map,
				  unsigned int depth)
{
	u8 key, value;
	u32 count;

	if (sandesh_get_u8(reader, &key))
		return -EBADMSG;
	if (map && sandesh_get_u8(reader, &value))
		return -EBADMSG;
	if (sandesh_get_count(reader, &count))
		return -EBADMSG;

	/* Each element takes at least a byte, so the message bounds this. */
	while (count--) {
		if (sandesh_skip(reader, key, depth))
			return -EBADMSG;
		if (map && sandesh_skip(reader, value, depth))
			return -EBADMSG;
	}

	return 0;
}

static int sandesh_skip(struct vr_sandesh_reader *reader, u8 type,
			unsigned int depth)
{
	struct vr_sandesh_list string;
	unsigned int width;

	if (++depth > SANDESH_MAX_DEPTH)
		return -EBADMSG;

	switch (type) {
	case SANDESH_STRING:
		return sandesh_get_elements(reader, 1, &string);
	case SANDESH_STRUCT:
		return sandesh_skip_struct(reader, depth);
	case SANDESH_LIST:
	case SANDESH_SET:
		return sandesh_skip_container(reader, false, depth);
	case SANDESH_MAP:
		return sandesh_skip_container(reader, true, depth);
	default:
		width = sandesh_width(type);
		return width && sandesh_take(reader, width) ? 0 : -EBADMSG;
	}
}

static int sandesh_get_integer(struct vr_sandesh_reader *reader, u8 type,
			       void *value)
{
	unsigned int width = sandesh_width(type);
	const u8 *at = width ? sandesh_take(reader, width) : NULL;

	if (!at)
		return -EBADMSG;

	switch (width) {
	case 1:
		*(u8 *)value = *at;
		break;
	case 2:
		*(u16 *)value = get_unaligned_be16(at);
		break;
	case 4:
		*(u32 *)value = get_unaligned_be32(at);
		break;
	case 8:
		*(u64 *)value = get_unaligned_be64(at);
		break;
	}

	return 0;
}

static int sandesh_get_list(struct vr_sandesh_reader *reader, u8 element,
			    void *value)
{
	u8 got;

	if (!reader->len)
		return -EBADMSG;

	got = *reader->data;
	if (got != element)
		return sandesh_skip(reader, SANDESH_LIST, 0);

	sandesh_take(reader, sizeof(got));
	return sandesh_get_elements(reader, sandesh_width(element), value);
}

static int sandesh_get_field(struct vr_sandesh_reader *reader,
			     const struct vr_sandesh_field *field, void *object)
{
	void *value = object + field->offset;

	switch (field->type) {
	case SANDESH_STRING:
		return sandesh_get_elements(reader, 1, value);
	case SANDESH_LIST:
		return sandesh_get_list(reader, field->element, value);
	default:
		return sandesh_get_integer(reader, field->type, value);
	}
}

static const struct vr_sandesh_field *
sandesh_find_field(const struct vr_sandesh_type *type, u16 id)
{
	unsigned int i;

	for (i = 0; i < type->count; i++)
		if (type->fields[i].id == id)
			return &type->fields[i];

	return NULL;
}

int vr_sandesh_read_name(struct vr_sandesh_reader *reader,
			 struct vr_sandesh_list *name)
{
	return sandesh_get_elements(reader, 1, name);
}

int vr_sandesh_decode(struct vr_sandesh_reader *reader,
		      const struct vr_sandesh_type *type, void *object)
{
	const struct vr_sandesh_field *field;
	u16 id;
	u8 got;
	int err;

	for (;;) {
		if (sandesh_get_u8(reader, &got))
			return -EBADMSG;
		if (got == SANDESH_STOP)
			return 0;
		if (sandesh_get_be16(reader, &id))
			return -EBADMSG;

		field = sandesh_find_field(type, id);
		if (!field || field->type != got ||
		    field->offset == SANDESH_NO_VALUE)
			err = sandesh_skip(reader, got, 0);
		else
			err = sandesh_get_field(reader, field, object);
		if (err)
			return err;
	}
}
