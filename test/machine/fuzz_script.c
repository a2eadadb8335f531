/* fuzz_script.c - bytes as a sequence of system calls
 *
 * The container's first program takes one input after the other. For each it mounts a fresh tmpfs,
 * and forks a child that has it as its root and plays the input: calls with arguments that fit
 * their declared types (or nearly), accesses of memory, forks, threads, handlers, allocations that
 * fail. What is left
 * after LIFE_MS of virtual time is killed, so that no input hangs. The kernel must survive, with
 * all its assertions, and must not lose frames.
 */
#include "fuzz.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/mount.h"
#include "abi/linux/sched.h"
#include "abi/linux/signal.h"
#include "frame.h"
#include "machine.h"
#include "script.h"
#include "string.h"
#include "sys/table.h"
#include "syscalls_proto.h"

#define LIFE_MS	 50
#define OPS_MAX	 200
#define LEAK_MAX 1024 /* frames, over all inputs */

/* The player's memory: its addresses are the pointer arguments. */
#define BASE	0x10000000ull
#define RW	BASE		/* two pages */
#define RO	(BASE + 0x2000) /* one page; behind it nothing can be read */
#define NONE	(BASE + 0x3000)
#define SHARED	(BASE + 0x4000)
#define STRINGS (BASE + 0x6000)	    /* one page, read-only */
#define SCRATCH (BASE + 0x10000000) /* where maps go */

struct player {
	const uint8_t *p, *end;
	u32 depth;
};

static u8 byte(struct player *s)
{
	return s->p < s->end ? *s->p++ : 0;
}

static const char *const strings[] = {
	"/",
	".",
	"..",
	"a",
	"b",
	"a/b",
	"/a",
	"a/../b",
	"./a/.",
	"/dev/null",
	"/proc/self/maps",
	"",
	"a/b/c/d",
	"../../../a",
	"tmpfs",
	"user.x",
	"#!a\n",
	"/t",
};
#define STRING_SIZE 32
#define STRING_ROOT (STRINGS + (ARRAY_SIZE(strings) - 1) * STRING_SIZE)

static const u64 sizes[] = {
	0,	  1,	    2,		4,	    8,		16,    24,
	32,	  56,	    63,		64,	    88,		128,   255,
	256,	  1000,	    4095,	4096,	    4097,	8192,  65536,
	1u << 20, 1u << 31, 1ull << 32, 1ull << 40, 1ull << 62, ~0ull, ~0ull - 4095,
};

static u64 address(struct player *s)
{
	static const u64 bases[] = {RW,
				    RW,
				    RW + 0x1ff0,
				    RO,
				    NONE,
				    SHARED,
				    STRINGS,
				    SCRATCH,
				    0,
				    0x1000,
				    ~0xfffull,
				    1ull << 47,
				    0x7ffffffff000 - 8,
				    BASE + 0x5ff8};
	u8 b = byte(s);

	return bases[b % ARRAY_SIZE(bases)] + (b >> 4) * 8u;
}

static u64 flag_bits(struct player *s, const struct sys_flag *set)
{
	u64 v = 0;
	u32 n = 0;

	while (set[n].name)
		n++;
	for (u32 k = byte(s) % 4; k > 0; k--)
		v |= set[byte(s) % n].value;
	return v;
}

static u64 number(struct player *s)
{
	u8 b = byte(s);

	if (b < 128)
		return b % 32;
	if (b < 192)
		return sizes[b % ARRAY_SIZE(sizes)];
	if (b < 224)
		return (u64) - (s64)(b % 32);
	return (u64)byte(s) << 8 | byte(s);
}

static u64 argument(struct player *s, const struct sys_arg *a)
{
	u8 b;

	if (a->flags && byte(s) % 8)
		return flag_bits(s, syscall_flag_sets[a->flags]);
	switch ((enum sys_arg_type)a->type) {
	case SYS_ARG_DIRFD:
		b = byte(s);
		return b < 160 ? (u64)ABI_AT_FDCWD : b % 16;
	case SYS_ARG_FD:
		b = byte(s);
		return b < 250 ? b % 16 : (u64)-1;
	case SYS_ARG_PID:
		b = byte(s);
		return b < 128 ? 0 : b < 160 ? (u64)-1 : b % 8 + 1;
	case SYS_ARG_SIG:
		return byte(s) % 66;
	case SYS_ARG_MODE:
		return (u64)byte(s) << 4 | 7;
	case SYS_ARG_UID:
		b = byte(s);
		return b < 128 ? 0 : b < 192 ? (u64)-1 : b;
	case SYS_ARG_PATH:
		b = byte(s);
		return b < 240 ? STRINGS + b % ARRAY_SIZE(strings) * STRING_SIZE : address(s);
	case SYS_ARG_ADDR:
		return byte(s) % 8 ? address(s) : 0;
	case SYS_ARG_SIZE_T:
	case SYS_ARG_OFF_T:
		b = byte(s);
		return b < 220 ? sizes[b % ARRAY_SIZE(sizes)] : b;
	case SYS_ARG_LONG:
	case SYS_ARG_ULONG:
		return byte(s) % 2 ? address(s) : number(s);
	case SYS_ARG_INT:
	case SYS_ARG_UINT:
	case SYS_ARG_NONE:
		break;
	}
	return number(s);
}

static void play(struct player *s);

static void play_child(void *arg)
{
	struct player *s = arg, mine = *s;

	host_free(s);
	play(&mine);
	u_exit(byte(&mine));
}

static struct player *part(struct player *s)
{
	struct player *child = host_zalloc(sizeof(*child));
	size_t n = MIN((size_t)byte(s), (size_t)(s->end - s->p));

	*child = (struct player){s->p, s->p + n, s->depth + 1};
	s->p += n;
	return child;
}

static void call(struct player *s)
{
	u32 nr = byte(s) | (u32)(byte(s) & 1) << 8;
	const struct sys_desc *d;
	u64 a[6] = {0};

	nr %= syscall_limit;
	while (syscall_table[nr] == syscall_no_code) /* the next one that has code */
		nr = (nr + 1) % syscall_limit;
	d = &syscall_descs[nr];
	for (u32 i = 0; i < 6 && i < d->nargs; i++)
		a[i] = argument(s, &d->arg[i]);
	if (nr == NR_kill && (s32)a[0] == -1)
		a[0] = 0; /* the first program ends the round by itself */
	if (nr == NR_prlimit64 && (s32)a[0] == 1)
		a[0] = 0; /* and needs what it has for that */
	if (nr == NR_clone || nr == NR_clone3 || nr == NR_fork || nr == NR_vfork) {
		if (s->depth >= 3)
			return;
		u_child(play_child, part(s));
	}
	u_syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void on_signal(int sig, u64 info, u64 context)
{
	u_load(info, 8);
}

static void install_handler(struct player *s)
{
	struct abi_sigaction act = {
		.handler = (u64)on_signal,
		.flags = (u64)byte(s) << 24 | ABI_SA_RESTORER,
		.mask = byte(s),
	};

	u_write(RW, &act, sizeof(act));
	u_syscall(NR_rt_sigaction, byte(s) % 65, RW, 0, 8);
}

static void play(struct player *s)
{
	for (u32 i = 0; i < OPS_MAX && s->p < s->end; i++) {
		u8 op = byte(s);

		if (op < 190)
			call(s);
		else if (op < 200)
			u_store(address(s) & ~7ull, number(s), 8);
		else if (op < 210)
			u_load(address(s) & ~7ull, 8);
		else if (op < 220 && s->depth < 3)
			u_fork(play_child, part(s));
		else if (op < 230 && s->depth < 3)
			u_clone(0x50f00, RW + 0x2000, 0, 0, 0, play_child, part(s));
		else if (op < 236)
			u_pause();
		else if (op < 240)
			install_handler(s);
		else if (op == 254)
			machine_fail_after(byte(s));
		else
			u_store(RW + byte(s) * 8u, op == 255 ? address(s) : number(s), 8);
	}
}

static void first_child(void *arg)
{
	struct player s = *(struct player *)arg;
	const int fixed = ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS | ABI_MAP_FIXED;

	u_check_eq(u_syscall(NR_mmap, BASE, 0x8000, 3, fixed, -1, 0), BASE);
	u_check_eq(u_syscall(NR_mmap, SHARED, 0x2000, 3,
			     ABI_MAP_SHARED | ABI_MAP_ANONYMOUS | ABI_MAP_FIXED, -1, 0),
		   SHARED);
	for (u32 i = 0; i < ARRAY_SIZE(strings); i++)
		u_write(STRINGS + i * STRING_SIZE, strings[i], strlen(strings[i]) + 1);
	u_check_eq(u_syscall(NR_mprotect, RO, 4096, ABI_PROT_READ), 0);
	u_check_eq(u_syscall(NR_mprotect, NONE, 4096, ABI_PROT_NONE), 0);
	u_check_eq(u_syscall(NR_mprotect, STRINGS, 4096, ABI_PROT_READ), 0);
	u_check_eq(u_syscall(NR_chroot, STRING_ROOT), 0);
	u_check_eq(u_syscall(NR_chdir, STRINGS), 0);
	play(&s);
	u_exit(0);
}

/* ---- the first program ---- */

static u64 init_page;
static struct frame_stats base;
static u64 rounds;

static void check_frames(void)
{
	struct frame_stats st;

	frame_get_stats(&st);
	if (++rounds == 64)
		base = st;
	if (rounds > 64 && base.free > st.free + LEAK_MAX)
		host_fail(
			"frames are lost after %llu inputs: anonymous %llu -> %llu, cache %llu -> "
			"%llu, kernel %llu -> %llu",
			(unsigned long long)rounds, (unsigned long long)base.anon,
			(unsigned long long)st.anon, (unsigned long long)base.cache,
			(unsigned long long)st.cache, (unsigned long long)base.kernel,
			(unsigned long long)st.kernel);
}

static void reap(void)
{
	for (u32 ms = 0; ms < LIFE_MS; ms++) {
		long r;

		while ((r = u_syscall(NR_wait4, -1, 0, 1, 0)) > 0)
			;
		if (r == -ECHILD)
			return;
		u_syscall(NR_nanosleep, init_page + 64, 0);
	}
	for (u32 tries = 0; tries < 1000; tries++) {
		long r;

		u_syscall(NR_kill, -1, ABI_SIGKILL);
		while ((r = u_syscall(NR_wait4, -1, 0, 1, 0)) > 0)
			;
		if (r == -ECHILD)
			return;
		u_syscall(NR_nanosleep, init_page + 64, 0);
	}
	host_fail("a process does not die of SIGKILL");
}

/* Handlers and entry points that an input made up are as good as no code. */
static bool is_code(u64 pc)
{
	return pc == (u64)on_signal;
}

void fuzz_script(void *arg)
{
	user_code_ok = is_code;
	init_page = u_mmap(4096);
	u_write(init_page, "/t", 3);
	u_write(init_page + 16, "tmpfs", 6);
	u_write(init_page + 32, "/", 2);
	u_store(init_page + 72, 1000000, 8);
	u_check_eq(u_syscall(NR_mkdir, init_page, 0755), 0);
	/* Who finds his way out of his root shall leave nothing here that the next one meets. */
	u_check_eq(u_syscall(NR_mount, 0, init_page + 32, 0,
			     ABI_MS_REMOUNT | ABI_MS_BIND | ABI_MS_RDONLY, 0),
		   0);
	for (;;) {
		struct player s = {0};

		machine_fail_after(0);
		fuzz_next_input(&s.p, &s.end);
		u_check_eq(u_syscall(NR_mount, init_page + 16, init_page, init_page + 16, 0, 0), 0);
		u_check(u_fork(first_child, &s) > 0);
		reap();
		/* the input may have mounted there too, or detached its own root */
		while (u_syscall(NR_umount2, init_page, ABI_MNT_DETACH) == 0)
			;
		check_frames();
	}
}
