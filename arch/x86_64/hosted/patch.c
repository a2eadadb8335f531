/* patch.c - call sites that come to the kernel without a signal
 *
 * Provides: patch_wanted(), patch_site(), patch_off(), patch_fix_pc(), patch_resume(),
 *   patch_fork(). What the program executes at a site is a jump to a slot, in a range of its
 *   own named [trampoline]; the slot says by rcx where the call returns, by r11 where to go
 *   on, and goes to stub_site (stub/entry.S).
 * Sites: two kinds.
 *   MOV: `mov $nr, %eax; syscall` becomes `jmp slot; syscall`: one instruction for one, so a
 *   thread meets either, and a jump to the `syscall` still works, by the slow way.
 *   NEXT: `syscall` and the instruction behind it, which uses registers only, become `jmp
 *   slot`; the slot does that instruction after the call. Who arrives between the two by
 *   himself (from a signal's frame, or as the site was patched while he was in the call)
 *   meets the second byte of the jump's distance. Slots are chosen so that this is an
 *   instruction that traps on every CPU, whatever follows it; patch_resume() turns the trap
 *   into going on in the slot.
 *   What the program sees: about to make the call, or behind it, never the slot.
 * Owns: nothing but numbers in struct mach_space. Text and slots are private pages of the
 *   address space: fork inherits them, exec drops them, and who unmaps them breaks himself.
 *   The first slot of each page holds stub_site's address.
 * Refused: writable or shared text, a site that crosses a page, a byte before it that could
 *   make it a part of another instruction, or a NEXT for which no slot lies where it must. A
 *   site is patched when it has trapped PATCH_AT times: what runs once is not worth the copy
 *   of a page.
 * GS: the slot's way needs it to point to the thread's area. A task that gives it a base of
 *   its own ends patching for its address space: slots then jump to the `syscall`, or make
 *   the call.
 * Locks: one mutex for all (patching is rare) around changes of slots. Counts are [c].
 * Sleeps: patch_site, patch_off.
 * Tests: test/hosted
 */
#include "abi/boot.h"
#include "hosted.h"
#include "log.h"
#include "mm.h"
#include "mutex.h"
#include "string.h"
#include "task.h"

#define PATCH_AT    7u
#define PATCH_AGAIN 64u
#define MOV_SIZE    5u
#define CALL_SIZE   2u
#define JUMP_SIZE   5u
#define NEXT_MAX    6u
#define SLOT_SIZE   32u
#define TAIL	    20u		 /* offset of the instruction in a slot for NEXT */
#define RANGE_SIZE  0x10000ull	 /* of one range of slots: all values of a distance's second byte */
#define NEAR	    0x70000000ll /* a jump reaches further: some room for the range itself */
#define COUNTS	    256u

static struct mutex patching;
static const char range_name[] = "[trampoline]";

/* A call site: where its call returns, and what it is. */
struct site {
	u64 rip;
	bool mov;
	u32 nr;		   /* mov's */
	u32 next_size;	   /* 0 for mov */
	u8 next[NEXT_MAX]; /* the instruction behind the call */
};

/* What is executed in place of the site. */
struct slot {
	u8 code[SLOT_SIZE];
};

/* How often a site has trapped. */
static struct site_count {
	u64 space, rip; /* its patch_id */
	u32 n;
} counts[STUB_CPUS_MAX][COUNTS]; /* [c] */

static void put32(u8 *at, s64 v)
{
	s32 x = (s32)v;

	memcpy(at, &x, sizeof(x));
}

static s32 get32(const u8 *at)
{
	s32 x;

	memcpy(&x, at, sizeof(x));
	return x;
}

/* An instruction's last four bytes: the distance to a target. */
static void put_rel(u8 *rel, u64 at, u64 target)
{
	put32(rel, (s64)(target - (at + 4)));
}

static u64 get_rel(const u8 *rel, u64 at)
{
	return at + 4 + (u64)(s64)get32(rel);
}

/* The size of an instruction that may be done in the slot: it uses registers only, and together
 * with the call it has room for a jump. 0: another one. */
static u32 next_size(const u8 *c)
{
	if (c[0] == 0x3d) /* cmp $, %eax */
		return 5;
	if ((c[0] & 0xfe) != 0x48)
		return 0;
	if (c[0] == 0x48 && c[1] == 0x3d) /* cmp $, %rax */
		return 6;
	if (c[0] == 0x48 && c[1] == 0x83 && c[2] == 0xf8) /* cmp $, %rax, a byte */
		return 4;
	if (c[0] == 0x48 && c[1] == 0x85 && c[2] == 0xc0) /* test %rax, %rax */
		return 3;
	return c[1] == 0x89 && (c[2] & 0xf8) == 0xc0 ? 3 : 0; /* mov %rax, another */
}

/* ---- slots ---- */

/* lea rip, %rcx; lea go_on, %r11; jmp *(the page's first word): 20 bytes. */
static void slot_head(u8 *c, u64 at, u64 rip, u64 go_on)
{
	static const u8 lea_rcx[] = {0x48, 0x8d, 0x0d}, lea_r11[] = {0x4c, 0x8d, 0x1d};

	memcpy(c, lea_rcx, sizeof(lea_rcx));
	put_rel(c + 3, at + 3, rip);
	memcpy(c + 7, lea_r11, sizeof(lea_r11));
	put_rel(c + 10, at + 10, go_on);
	c[14] = 0xff;
	c[15] = 0x25;
	put_rel(c + 16, at + 16, PAGE_ALIGN_DOWN(at));
}

/* off: the call is made by an instruction. */
static void slot_make(struct slot *s, u64 at, const struct site *site, bool off)
{
	u8 *c = s->code;

	memset(c, 0xcc, SLOT_SIZE);
	if (site->mov) {
		c[0] = 0xb8;
		put32(c + 1, (s32)site->nr);
		slot_head(c + MOV_SIZE, at + MOV_SIZE, site->rip, site->rip);
		if (off) { /* the jump takes lea's place: who is behind that goes on as before */
			c[MOV_SIZE] = 0xe9;
			put_rel(c + MOV_SIZE + 1, at + MOV_SIZE + 1, site->rip - CALL_SIZE);
		}
		return;
	}
	slot_head(c, at, site->rip, at + TAIL);
	memcpy(c + TAIL, site->next, site->next_size);
	c += TAIL + site->next_size;
	c[0] = 0xe9;
	put_rel(c + 1, at + TAIL + site->next_size + 1, site->rip + site->next_size);
	if (off) { /* likewise: syscall; jmp to the tail */
		static const u8 call[] = {0x0f, 0x05, 0xeb, TAIL - 4};

		memcpy(s->code, call, sizeof(call));
	}
}

enum slot_is {
	SLOT_FOREIGN,
	SLOT_ON,
	SLOT_OFF,
};

static enum slot_is slot_parse(const struct slot *s, u64 at, struct site *site)
{
	const u8 *c = s->code;
	struct slot same;

	memset(site, 0, sizeof(*site));
	site->mov = c[0] == 0xb8;
	if (site->mov) {
		site->nr = (u32)get32(c + 1);
		site->rip = get_rel(c + MOV_SIZE + 10, at + MOV_SIZE + 10);
	} else {
		u32 n = next_size(c + TAIL);

		if (!n)
			return SLOT_FOREIGN;
		site->next_size = n;
		memcpy(site->next, c + TAIL, n);
		site->rip = get_rel(c + TAIL + n + 1, at + TAIL + n + 1) - n;
	}
	slot_make(&same, at, site, false);
	if (!memcmp(&same, s, sizeof(same)))
		return SLOT_ON;
	slot_make(&same, at, site, true);
	return memcmp(&same, s, sizeof(same)) ? SLOT_FOREIGN : SLOT_OFF;
}

/* The slot around an address in the current space. */
static enum slot_is slot_at(const struct mach_space *s, u64 addr, u64 *at, struct site *site)
{
	struct slot slot;

	*at = addr & ~(u64)(SLOT_SIZE - 1);
	for (u32 i = 0; i < MACH_PATCH_RANGES; i++)
		if (s->range[i].va && addr - s->range[i].va < RANGE_SIZE)
			return mach_copy_in(&slot, *at, sizeof(slot))
				       ? SLOT_FOREIGN
				       : slot_parse(&slot, *at, site);
	return SLOT_FOREIGN;
}

/* ---- which sites ---- */

/* The code around a call: .call is the instruction's first byte. */
struct window {
	u8 before; /* mov */
	u8 mov[MOV_SIZE];
	u8 call[CALL_SIZE];
	u8 next[NEXT_MAX];
};

/* The part of it that lies in the call's page: offset and size, which are set, and where. */
static u64 window_clip(u64 rip, u32 *offset, u32 *size)
{
	u64 page = PAGE_ALIGN_DOWN(rip - CALL_SIZE), start = rip - offsetof(struct window, next);
	u64 first = MAX(page, start), end = MIN(page + PAGE_SIZE, start + sizeof(struct window));

	*offset = (u32)(first - start);
	*size = (u32)(end - first);
	return first;
}

/* What is absent is a prefix before, and an invalid instruction behind. */
static bool site_parse(const struct window *w, u64 rip, u64 nr, struct site *site)
{
	*site = (struct site){.rip = rip, .nr = (u32)nr};
	if (w->call[0] != 0x0f || w->call[1] != 0x05)
		return false;
	/* prefixes that make it another mov */
	if (w->mov[0] == 0xb8 && nr == (u32)get32(&w->mov[1]) && (w->before & 0xf0) != 0x40 &&
	    w->before != 0x66) {
		site->mov = true;
		return true;
	}
	/* one that makes the jump another, on some CPUs */
	if (w->mov[MOV_SIZE - 1] == 0x66)
		return false;
	site->next_size = next_size(w->next);
	memcpy(site->next, w->next, sizeof(site->next));
	return site->next_size;
}

void patch_init(void)
{
	mutex_init(&patching, RANK_PATCH);
}

static u64 space_id(struct mach_space *s)
{
	static u64 last;
	u64 id = __atomic_load_n(&s->patch_id, __ATOMIC_RELAXED);

	if (id)
		return id;
	/* of two that give one, the first does */
	if (__atomic_compare_exchange_n(&s->patch_id, &id,
					__atomic_add_fetch(&last, 1, __ATOMIC_RELAXED), false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		id = __atomic_load_n(&s->patch_id, __ATOMIC_RELAXED);
	return id;
}

bool patch_wanted(struct cpu *c, const struct mach_user *u)
{
	struct mach_space *s = c->mach.space;
	struct site_count *n;
	u64 id;

	if (!plan->patch || !x86.xsaveopt || READ_ONCE(s->patch_off) || u->gs_base)
		return false;
	id = space_id(s);
	n = &counts[c->id][(u->rip ^ u->rip >> 8 ^ id) % COUNTS];
	if (n->space != id || n->rip != u->rip)
		*n = (struct site_count){id, u->rip, 0};
	n->n++;
	/* later again, more and more rarely: other text may be there by now */
	return n->n == PATCH_AT || (n->n >= PATCH_AGAIN && !(n->n & (n->n - 1)));
}

/* ---- patching ---- */

static bool is_near(u64 a, u64 b)
{
	s64 d = (s64)(a - b);

	return d < NEAR && d > -NEAR;
}

/* Of one byte, never valid in 64-bit mode or never for user mode, whatever follows and whatever
 * rights of I/O the process has; without effect but the trap. */
static bool traps(u8 op)
{
	static const u8 ops[] = {0xcc, 0xf4, 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e,
				 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0xce};

	return memchr(ops, op, sizeof(ops)) != NULL;
}

/* Where the jump begins. */
static u64 site_start(const struct site *site)
{
	return site->rip - CALL_SIZE - (site->mov ? MOV_SIZE : 0);
}

static bool slot_suits(u64 at, const struct site *site)
{
	u64 distance = at - (site_start(site) + JUMP_SIZE);

	/* a page's first one has another use */
	return at & ~PAGE_MASK && is_near(at, site->rip) &&
	       (site->mov || traps((u8)(distance >> 8)));
}

static bool slot_is_free(struct mm *mm, u64 at)
{
	u8 first;

	return mm_access(mm, at, &first, 1, false) == 1 && !first;
}

/* A free slot of range i that suits, or 0. */
static u64 slot_find(struct mm *mm, u32 i, const struct site *site)
{
	struct mach_space *s = &mm->space;
	u64 va = s->range[i].va;

	for (u32 n = s->range[i].used; n < RANGE_SIZE / SLOT_SIZE; n++) {
		u64 at = va + SLOT_SIZE * n;

		if (!slot_suits(at, site) || !slot_is_free(mm, at))
			continue;
		if (site->mov)
			s->range[i].used = n;
		s->range[i].end = MAX(s->range[i].end, n + 1);
		return at;
	}
	return 0;
}

/* A slot that can be reached; 0: none to be had. */
static u64 slot_take(struct mm *mm, const struct site *site)
{
	struct mach_space *s = &mm->space;
	u64 at = 0;

	for (u32 i = 0; i < MACH_PATCH_RANGES && !at; i++) {
		if (!s->range[i].va) {
			at = mm_map_text(mm, PAGE_ALIGN_DOWN(site->rip), RANGE_SIZE, range_name);
			if (!at)
				return 0;
			s->range[i].va = at;
			s->range[i].used = s->range[i].end = 0;
		}
		at = slot_find(mm, i, site);
	}
	return at;
}

/* fresh: it has not been used. */
static int range_write(struct mm *mm, u64 at, const void *data, size_t size, bool fresh)
{
	const struct mm_poke p = {at, data, size, range_name, fresh};

	return mm_poke(mm, &p);
}

static int slot_write(struct mm *mm, u64 at, const struct site *site, bool off)
{
	u64 page = PAGE_ALIGN_DOWN(at), entry = STUB_SITE, old;
	struct slot slot;
	int err;

	if (mm_access(mm, page, &old, sizeof(old), false) != sizeof(old))
		return -EFAULT;
	err = old == entry ? 0 : range_write(mm, page, &entry, sizeof(entry), true);
	if (err)
		return err;
	slot_make(&slot, at, site, off);
	return range_write(mm, at, &slot, sizeof(slot), !off);
}

static int jump_write(struct mm *mm, u64 at, const struct site *site)
{
	u64 start = site_start(site);
	u8 jump[CALL_SIZE + NEXT_MAX];
	struct mm_poke p = {start, jump, site->mov ? JUMP_SIZE : CALL_SIZE + site->next_size, NULL,
			    false};

	memset(jump, 0xcc, sizeof(jump));
	jump[0] = 0xe9;
	put_rel(jump + 1, start + 1, at);
	return mm_poke(mm, &p);
}

static bool site_read(struct mm *mm, const struct mach_user *u, struct site *site)
{
	struct window w;
	u32 offset, size;
	u64 at;

	if (u->rip < sizeof(w))
		return false;
	memset(&w, 0x66, sizeof(w));
	at = window_clip(u->rip, &offset, &size);
	return mm_access(mm, at, (u8 *)&w + offset, size, false) == size &&
	       site_parse(&w, u->rip, u->orig_rax, site) &&
	       (site->mov || PAGE_ALIGN_DOWN(u->rip + site->next_size - 1) ==
				     PAGE_ALIGN_DOWN(u->rip - CALL_SIZE));
}

void patch_site(struct mm *mm, struct mach_user *u)
{
	struct site site;
	u64 at;

	mutex_lock(&patching);
	if (READ_ONCE(mm->space.patch_off) || !site_read(mm, u, &site))
		goto out_unlock;
	at = slot_take(mm, &site);
	if (!at)
		goto out_unlock;
	if (slot_write(mm, at, &site, false) || jump_write(mm, at, &site)) {
		static const struct slot none;

		klog_once(LOG_DEBUG, "a call site cannot be patched");
		if (range_write(mm, at, &none, sizeof(none), true))
			klog_once(LOG_DEBUG, "a slot is lost");
		goto out_unlock;
	}
	if (!site.mov) {
		u->after = site.rip;
		u->tail = at + TAIL;
	}
	/* it goes on in a page that may have been replaced */
	u->fault = site.rip;
	u->fault_access = MACH_EXEC;
out_unlock:
	mutex_unlock(&patching);
}

void patch_off(struct mm *mm)
{
	struct mach_space *s = &mm->space;

	mutex_lock(&patching);
	for (u32 i = 0; !s->patch_off && i < MACH_PATCH_RANGES; i++)
		for (u32 n = 0; s->range[i].va && n < s->range[i].end; n++) {
			u64 at = s->range[i].va + SLOT_SIZE * n;
			struct slot slot;
			struct site site;

			if (mm_access(mm, at, &slot, sizeof(slot), false) == sizeof(slot) &&
			    slot_parse(&slot, at, &site) == SLOT_ON &&
			    slot_write(mm, at, &site, true))
				klog_once(LOG_DEBUG, "a slot cannot be turned off");
		}
	WRITE_ONCE(s->patch_off, 1);
	mutex_unlock(&patching);
}

void patch_fork(struct mach_space *child, const struct mach_space *parent)
{
	memcpy(child->range, parent->range, sizeof(child->range));
	child->patch_off = parent->patch_off;
}

/* ---- what an interrupted slot looks like ---- */

bool patch_in_entry(u64 rip)
{
	return rip - STUB_ANSWER < STUB_SITE_IN - STUB_ANSWER;
}

/* In the stub's own code. What it keeps in the area is the application's word, about itself. */
static enum patch_pc fix_entry(struct mach_user *u, const struct stub_area *a)
{
	bool answered = u->rip > STUB_ANSWERED && u->rip < STUB_SITE;

	if (u->rip < STUB_SITE || u->rip >= STUB_SITE_KEPT)
		u->rcx = READ_ONCE(a->after);
	u->after = u->tail = u->rcx;
	u->rip = u->rcx;
	if (!answered) {
		u->rip -= CALL_SIZE;
		return PATCH_BEFORE;
	}
	if (!(READ_ONCE(a->tail) >> 47))
		u->tail = READ_ONCE(a->tail);
	return PATCH_BEHIND;
}

enum patch_pc patch_fix_pc(const struct mach_space *s, struct mach_user *u,
			   const struct stub_area *a)
{
	struct site site;
	enum slot_is is;
	u64 at, offset;

	if (patch_in_entry(u->rip))
		return fix_entry(u, a);
	is = slot_at(s, u->rip, &at, &site);
	if (is == SLOT_FOREIGN)
		return PATCH_ELSEWHERE;
	offset = u->rip - at;
	u->after = site.rip;
	u->tail = site.mov ? site.rip : at + TAIL;
	if (site.mov) {
		u->rax = site.nr;
		u->rip = site.rip - CALL_SIZE;
		return PATCH_AT_CALL;
	}
	if (offset == TAIL + site.next_size) {
		u->rip = site.rip + site.next_size;
		return PATCH_BEHIND;
	}
	if (offset == TAIL || (offset == CALL_SIZE && is == SLOT_OFF)) {
		u->rcx = u->rip = site.rip;
		return PATCH_BEHIND;
	}
	u->rip = site.rip - CALL_SIZE;
	return PATCH_BEFORE;
}

bool patch_resume(const struct mach_space *s, struct mach_user *u, u32 vector)
{
	u64 rip = u->rip - (vector == VEC_BP ? 1 : 0), at;
	u8 jump[JUMP_SIZE];
	struct site site;

	if ((vector != VEC_BP && vector != VEC_UD && vector != VEC_GP) || rip < CALL_SIZE ||
	    mach_copy_in(jump, rip - CALL_SIZE, sizeof(jump)) || jump[0] != 0xe9)
		return false;
	if (slot_at(s, get_rel(jump + 1, rip - CALL_SIZE + 1), &at, &site) == SLOT_FOREIGN ||
	    site.mov || site.rip != rip)
		return false;
	u->rip = u->after = rip;
	u->tail = at + TAIL;
	return true;
}
