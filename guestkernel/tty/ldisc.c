/* ldisc.c - the line discipline: editing, echo, special characters, output processing (termios(3))
 *
 * Input lies in tty->buf between tail and head. In canonical mode [tail, lines_end) are complete
 * lines; behind it is the line that can still be edited. An end of file is a byte that is marked in
 * tty->eof_mark: it ends a read and is not part of it.
 * Locks: tty->lock held by all. Never sleeps. Tests: test/unit/tty, test/abi/pty */
#include "log.h"
#include "tty/tty.h"

#define CC(t, i)      ((t)->tio.c_cc[i])
#define LFLAG(t, f)   ((t)->tio.c_lflag & (f))
#define CTRL_DISABLED 0

static bool is_cc(const struct tty *t, u8 c, u32 i)
{
	return CC(t, i) != CTRL_DISABLED && CC(t, i) == c;
}

static u32 buffered(const struct tty *t)
{
	return t->head - t->tail;
}

static void put(struct tty *t, u8 c)
{
	t->buf[t->head++ % TTY_BUF] = c;
}

static void raw_out(struct tty *t, const char *s, size_t n)
{
	(void)t->driver->write(t, (const u8 *)s, n); /* an echo that finds no room is lost */
}

/* One byte of output with processing; false: no room. */
static bool out_byte(struct tty *t, u8 c)
{
	u32 o = t->tio.c_oflag;

	if (o & ABI_OPOST) {
		if (c == '\n' && (o & ABI_ONLCR)) {
			t->column = 0;
			return t->driver->write(t, (const u8 *)"\r\n", 2) == 2;
		}
		if (c == '\r' && (o & ABI_OCRNL))
			c = '\n';
		if (c == '\r' && (o & ABI_ONOCR) && t->column == 0)
			return true;
		if (c == '\t' && (o & ABI_TABDLY) == ABI_XTABS) {
			u32 n = 8 - t->column % 8;

			t->column += n;
			return t->driver->write(t, (const u8 *)"        ", n) == n;
		}
	}
	if (c == '\r' || c == '\n')
		t->column = 0;
	else if (c == '\b')
		t->column -= t->column > 0;
	else if (c == '\t')
		t->column = (t->column | 7) + 1;
	else if (c >= ' ' && (c & 0xc0) != 0x80)
		t->column++;
	return t->driver->write(t, &c, 1) == 1;
}

size_t ldisc_output_locked(struct tty *t, const u8 *buf, size_t n)
{
	size_t i;

	if (t->stopped)
		return 0;
	if (!(t->tio.c_oflag & ABI_OPOST))
		return t->driver->write(t, buf, n);
	for (i = 0; i < n; i++)
		if (!out_byte(t, buf[i]))
			break;
	return i;
}

static bool is_control(u8 c)
{
	return (c < ' ' && c != '\t' && c != '\n') || c == 0x7f;
}

static void echo(struct tty *t, u8 c)
{
	if (!LFLAG(t, ABI_ECHO) && !(c == '\n' && LFLAG(t, ABI_ECHONL) && LFLAG(t, ABI_ICANON)))
		return;
	if (is_control(c) && LFLAG(t, ABI_ECHOCTL)) {
		char s[2] = {'^', (char)(c ^ 0x40)};

		t->column += 2;
		raw_out(t, s, 2);
		return;
	}
	(void)out_byte(t, c);
}

/* Takes the last character of the edited line back, from the screen too. */
static void erase_one(struct tty *t)
{
	u8 c;

	do {
		c = t->buf[--t->head % TTY_BUF];
	} while ((t->tio.c_iflag & ABI_IUTF8) && (c & 0xc0) == 0x80 && t->head != t->lines_end);
	if (!LFLAG(t, ABI_ECHO))
		return;
	if (!LFLAG(t, ABI_ECHOE)) {
		echo(t, CC(t, ABI_VERASE));
		return;
	}
	if (c == '\t') {
		raw_out(t, "\b", 1);
		return;
	}
	raw_out(t, "\b \b", 3);
	t->column -= t->column > 0;
	if (is_control(c) && LFLAG(t, ABI_ECHOCTL)) {
		raw_out(t, "\b \b", 3);
		t->column -= t->column > 0;
	}
}

static bool is_blank(u8 c)
{
	return c == ' ' || c == '\t';
}

static void erase_word(struct tty *t)
{
	while (t->head != t->lines_end && is_blank(t->buf[(t->head - 1) % TTY_BUF]))
		erase_one(t);
	while (t->head != t->lines_end && !is_blank(t->buf[(t->head - 1) % TTY_BUF]))
		erase_one(t);
}

static void erase_line(struct tty *t)
{
	if (LFLAG(t, ABI_ECHOK) && !LFLAG(t, ABI_ECHOKE)) {
		t->head = t->lines_end;
		echo(t, CC(t, ABI_VKILL));
		echo(t, '\n');
		return;
	}
	while (t->head != t->lines_end)
		erase_one(t);
}

static void reprint(struct tty *t)
{
	echo(t, CC(t, ABI_VREPRINT));
	(void)out_byte(t, '\n');
	for (u32 i = t->lines_end; i != t->head; i++)
		echo(t, t->buf[i % TTY_BUF]);
}

/* Editing characters; true: c was one. */
static bool edit(struct tty *t, u8 c)
{
	if (is_cc(t, c, ABI_VERASE)) {
		if (t->head != t->lines_end)
			erase_one(t);
		return true;
	}
	if (is_cc(t, c, ABI_VKILL)) {
		erase_line(t);
		return true;
	}
	if (!LFLAG(t, ABI_IEXTEN))
		return false;
	if (is_cc(t, c, ABI_VWERASE)) {
		erase_word(t);
		return true;
	}
	if (is_cc(t, c, ABI_VREPRINT)) {
		reprint(t);
		return true;
	}
	if (is_cc(t, c, ABI_VLNEXT)) {
		t->lnext = true;
		if (LFLAG(t, ABI_ECHO))
			raw_out(t, "^\b", 2);
		return true;
	}
	return false;
}

/* A character of a canonical line. */
static void canonical(struct tty *t, u8 c)
{
	bool eof = is_cc(t, c, ABI_VEOF);
	bool ends = c == '\n' || eof || is_cc(t, c, ABI_VEOL) || is_cc(t, c, ABI_VEOL2);

	if (!ends && edit(t, c))
		return;
	/* Room is kept for the end of the line. */
	if (buffered(t) >= TTY_BUF - (ends ? 0 : 1)) {
		if (t->tio.c_iflag & ABI_IMAXBEL)
			raw_out(t, "\a", 1);
		return;
	}
	if (!eof)
		echo(t, c);
	put(t, eof ? 0 : c);
	if (ends) {
		if (eof)
			t->eof_mark[(t->head - 1) % TTY_BUF / 64] |=
				1ull << ((t->head - 1) % TTY_BUF % 64);
		t->lines_end = t->head;
	}
}

static bool flow_control(struct tty *t, u8 c)
{
	if (!(t->tio.c_iflag & ABI_IXON))
		return false;
	if (is_cc(t, c, ABI_VSTART)) {
		t->stopped = false;
		waitq_wake_all(&t->out_wait);
		return true;
	}
	if (is_cc(t, c, ABI_VSTOP)) {
		t->stopped = true;
		return true;
	}
	if (t->stopped && (t->tio.c_iflag & ABI_IXANY)) {
		t->stopped = false;
		waitq_wake_all(&t->out_wait);
	}
	return false;
}

static int signal_char(const struct tty *t, u8 c)
{
	if (is_cc(t, c, ABI_VINTR))
		return ABI_SIGINT;
	if (is_cc(t, c, ABI_VQUIT))
		return ABI_SIGQUIT;
	if (is_cc(t, c, ABI_VSUSP))
		return ABI_SIGTSTP;
	return 0;
}

/* Bits of *signals: what the foreground group is to be sent. */
static void receive_one(struct tty *t, u8 c, u32 *signals)
{
	u32 i = t->tio.c_iflag;
	int sig;

	if (i & ABI_ISTRIP)
		c &= 0x7f;
	if (t->lnext) {
		t->lnext = false;
		if (buffered(t) < TTY_BUF - 1) {
			echo(t, c);
			put(t, c);
		}
		return;
	}
	if (flow_control(t, c))
		return;
	sig = LFLAG(t, ABI_ISIG) ? signal_char(t, c) : 0;
	if (sig) {
		*signals |= 1u << sig;
		if (!LFLAG(t, ABI_NOFLSH))
			ldisc_flush_input_locked(t);
		echo(t, c);
		return;
	}
	if (c == '\r') {
		if (i & ABI_IGNCR)
			return;
		if (i & ABI_ICRNL)
			c = '\n';
	} else if (c == '\n' && (i & ABI_INLCR)) {
		c = '\r';
	}
	if (LFLAG(t, ABI_ICANON)) {
		canonical(t, c);
		return;
	}
	if (buffered(t) >= TTY_BUF)
		return;
	echo(t, c);
	put(t, c);
}

void ldisc_receive_locked(struct tty *t, const u8 *buf, size_t n, u32 *signals)
{
	for (size_t k = 0; k < n; k++)
		receive_one(t, buf[k], signals);
}

u32 ldisc_readable_locked(const struct tty *t)
{
	return LFLAG(t, ABI_ICANON) ? t->lines_end - t->tail : buffered(t);
}

static bool take_eof(struct tty *t)
{
	u64 *word = &t->eof_mark[t->tail % TTY_BUF / 64], bit = 1ull << (t->tail % 64);
	bool eof = *word & bit;

	*word &= ~bit;
	return eof;
}

size_t ldisc_read_locked(struct tty *t, u8 *buf, size_t n)
{
	u32 have = ldisc_readable_locked(t);
	size_t done = 0;

	while (done < n && have) {
		bool eof = take_eof(t);
		u8 c = t->buf[t->tail++ % TTY_BUF];

		have--;
		if (!LFLAG(t, ABI_ICANON)) {
			buf[done++] = c;
			continue;
		}
		if (eof)
			break;
		buf[done++] = c;
		if (c == '\n' || is_cc(t, c, ABI_VEOL) || is_cc(t, c, ABI_VEOL2))
			break;
		/* An end of file right behind what was just read belongs to this read. */
		if (done == n && have &&
		    (t->eof_mark[t->tail % TTY_BUF / 64] >> (t->tail % 64) & 1)) {
			(void)take_eof(t);
			t->tail++;
			break;
		}
	}
	return done;
}

void ldisc_flush_input_locked(struct tty *t)
{
	t->tail = t->lines_end = t->head;
	for (u32 k = 0; k < ARRAY_SIZE(t->eof_mark); k++)
		t->eof_mark[k] = 0;
}

void ldisc_mode_changed_locked(struct tty *t, u32 old_lflag)
{
	if (!((old_lflag ^ t->tio.c_lflag) & ABI_ICANON))
		return;
	/* Whatever was typed so far can be read at once, in either mode. */
	t->lines_end = t->head;
	t->lnext = false;
}
