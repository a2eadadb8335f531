/* text.c - growing texts */
#include "fs/proc/proc.h"
#include "log.h"
#include "slab.h"
#include "string.h"

#define TEXT_MAX (16u << 20)

static bool text_room(struct text *t, size_t n)
{
	size_t size = t->size ? t->size : 512;
	char *buf;

	if (t->err)
		return false;
	if (t->size - t->len > n)
		return true;
	while (size - t->len <= n)
		size *= 2;
	buf = size <= TEXT_MAX ? krealloc(t->buf, size) : NULL;
	if (!buf) {
		t->err = -ENOMEM;
		return false;
	}
	t->buf = buf;
	t->size = size;
	return true;
}

void text_append(struct text *t, const char *s, size_t n)
{
	if (!text_room(t, n))
		return;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
	t->buf[t->len] = '\0';
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!text_room(t, 256))
		return;
	va_start(ap, fmt);
	n = kvsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if ((size_t)n >= t->size - t->len) {
		if (!text_room(t, (size_t)n))
			return;
		va_start(ap, fmt);
		n = kvsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
		va_end(ap);
	}
	t->len += (size_t)n;
}

void text_add_escaped(struct text *t, const char *s, const char *set)
{
	for (; *s; s++) {
		if (*s == '\\' || strchr(set, *s))
			text_printf(t, "\\%c%c%c", '0' + ((u8)*s >> 6), '0' + (((u8)*s >> 3) & 7),
				    '0' + ((u8)*s & 7));
		else
			text_append(t, s, 1);
	}
}
