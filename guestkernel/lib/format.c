/* format.c - bounded formatting: kvsnprintf (log.h) */
#include "log.h"
#include "string.h"

struct out {
	char *buf;
	size_t size, len; /* len counts what did not fit, too */
};

struct spec {
	bool left, zero, alt, plus;
	int width, precision; /* precision -1: none */
	int size;	      /* of the argument: 0 int, 1 long, 2 long long or size_t */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	for (; n > 0; n--)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text, int n)
{
	if (!s->left)
		pad(o, ' ', s->width - n);
	for (int i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', s->width - n);
}

static void put_number(struct out *o, const struct spec *s, u64 v, u32 base, bool negative)
{
	char digits[24];
	const char *prefix = negative ? "-" : s->alt && base == 16 ? "0x" : s->plus ? "+" : "";
	int n = 0, np = (int)strlen(prefix), zeros;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	zeros = s->precision > n ? s->precision - n : 0;
	if (s->precision < 0 && s->zero && !s->left && s->width > n + np)
		zeros = s->width - n - np;
	if (!s->left)
		pad(o, ' ', s->width - n - np - zeros);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	for (int i = n; i-- > 0;)
		put(o, digits[i]);
	if (s->left)
		pad(o, ' ', s->width - n - np - zeros);
}

static const char *parse_int(const char *f, int *v)
{
	for (*v = 0; *f >= '0' && *f <= '9'; f++)
		if (*v < 1000)
			*v = *v * 10 + (*f - '0');
	return f;
}

/* A va_list is an array on some machines: only the caller may pass its address on. */
struct args {
	va_list ap;
};

static const char *parse_spec(const char *f, struct spec *s, struct args *a)
{
	*s = (struct spec){.precision = -1};
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '#')
			s->alt = true;
		else if (*f == '+')
			s->plus = true;
		else
			break;
	}
	if (*f == '*') {
		s->width = va_arg(a->ap, int);
		if (s->width < 0) {
			s->left = true;
			s->width = -s->width;
		}
		f++;
	} else {
		f = parse_int(f, &s->width);
	}
	if (*f == '.') {
		f++;
		if (*f == '*') {
			s->precision = va_arg(a->ap, int);
			f++;
		} else {
			f = parse_int(f, &s->precision);
		}
	}
	while (*f == 'l' || *f == 'z' || *f == 'h') {
		if (*f != 'h')
			s->size += *f == 'z' ? 2 : 1;
		f++;
	}
	return f;
}

static u64 next_unsigned(const struct spec *s, struct args *a)
{
	return s->size == 0   ? va_arg(a->ap, unsigned int)
	       : s->size == 1 ? va_arg(a->ap, unsigned long)
			      : va_arg(a->ap, unsigned long long);
}

static s64 next_signed(const struct spec *s, struct args *a)
{
	return s->size == 0   ? va_arg(a->ap, int)
	       : s->size == 1 ? va_arg(a->ap, long)
			      : va_arg(a->ap, long long);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(o, s, text, (int)strnlen(text, s->precision < 0 ? 65536 : (size_t)s->precision));
}

static void convert(struct out *o, char c, struct spec *s, struct args *a)
{
	s64 v;
	char ch;

	switch (c) {
	case 'd':
	case 'i':
		v = next_signed(s, a);
		put_number(o, s, v < 0 ? 0 - (u64)v : (u64)v, 10, v < 0);
		break;
	case 'u':
		put_number(o, s, next_unsigned(s, a), 10, false);
		break;
	case 'o':
		put_number(o, s, next_unsigned(s, a), 8, false);
		break;
	case 'x':
		put_number(o, s, next_unsigned(s, a), 16, false);
		break;
	case 'p':
		s->alt = true;
		put_number(o, s, (u64)(uintptr_t)va_arg(a->ap, void *), 16, false);
		break;
	case 'c':
		ch = (char)va_arg(a->ap, int);
		put_text(o, s, &ch, 1);
		break;
	case 's':
		put_string(o, s, va_arg(a->ap, const char *));
		break;
	default: /* '%', or a conversion we do not know, which shows itself */
		put(o, c);
	}
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {buf, size, 0};
	struct spec s;
	struct args a;

	va_copy(a.ap, ap);
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &a);
		if (!*fmt)
			break;
		convert(&o, *fmt++, &s, &a);
	}
	va_end(a.ap);
	if (size)
		buf[MIN(o.len, size - 1)] = 0;
	return (int)o.len;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
