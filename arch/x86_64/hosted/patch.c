/* patch.c - call sites that come to the kernel without a signal
 *
 * Provides: patch_wanted(), patch_site(), patch_off(), patch_fix_pc(), patch_fork().
 * `mov $nr, %eax; syscall` becomes `jmp slot; syscall`: one instruction for one, so a thread meets
 *   either, and a jump to the `syscall` still works, by the slow way. The slot, in a range of the
 *   application's own named [trampoline], loads what the instruction and the call would have left
 *   (rax, rcx) and goes to stub_site (stub/entry.S).
 * Owns: nothing but numbers in struct mach_space. Text and slots are private pages of the address
 *   space: fork inherits them, exec drops them, and who unmaps them breaks himself.
 * Refused: writable or shared text, a site that crosses a page, a byte before it that could make
 *   `mov` a part of another instruction. A site is patched when it has trapped PATCH_AT times: what
 *   runs once is not worth the copy of a page.
 * GS: the slot's way needs it to point to the thread's area. A task that gives it a base of its own
 *   ends patching for its address space: all slots become jumps to the `syscall`s.
 * Locks: one mutex for all (patching is rare) around changes of slots. Counts are [c]. Sleeps:
 * patch_site, patch_off. Tests: test/hosted
 */
#include "abi/boot.h"
#include "hosted.h"
#include "log.h"
#include "mm.h"
#include "mutex.h"
#include "string.h"
#include "task.h"

#define PATCH_AT   6u
#define SITE_BYTES 7u /* mov and syscall */
#define SLOT_SIZE  32u
#define RANGE_SIZE 0x4000ull	/* of one range of slots */
#define NEAR	   0x70000000ll /* a jump reaches further: some room for the range itself */
#define COUNTS	   256u

static struct mutex patching;
static const char range_name[] = "[trampoline]";

struct slot {
	u8 mov; /* $nr, %eax */
	u8 nr[4];
	u8 lea[3]; /* to the instruction after the call, %rcx */
	u8 rel[4];
	u8 movabs[2]; /* stub_site, %r11 */
	u8 site[8];
	u8 jmp[3]; /* *%r11 */
	u8 pad[7];
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "slots are found by their address");

/* How often a site has trapped. */
static struct site_count {
	u64 root, rip;
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

static void slot_make(struct slot *s, u64 at, u64 rip, u32 nr)
{
	static const struct slot model = {
		.mov = 0xb8,
		.lea = {0x48, 0x8d, 0x0d},
		.movabs = {0x49, 0xbb},
		.jmp = {0x41, 0xff, 0xe3},
		.pad = {0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc},
	};
	u64 site = STUB_SITE;

	*s = model;
	put32(s->nr, (s32)nr);
	put32(s->rel, (s64)(rip - (at + offsetof(struct slot, movabs))));
	memcpy(s->site, &site, sizeof(site));
}

static bool slot_is_ours(const struct slot *s, u64 at, u64 *rip)
{
	struct slot same;

	*rip = at + offsetof(struct slot, movabs) + (u64)(s64)get32(s->rel);
	slot_make(&same, at, *rip, (u32)get32(s->nr));
	return !memcmp(&same, s, sizeof(same));
}

/* ---- which sites ---- */

static bool site_is_patchable(u64 rip, u32 nr)
{
	u8 code[SITE_BYTES + 1]; /* with the byte before */
	u64 at = rip - sizeof(code);

	if (rip < sizeof(code) || at >> PAGE_SHIFT != (rip - 1) >> PAGE_SHIFT ||
	    mach_copy_in(code, at, sizeof(code)))
		return false;
	/* a prefix that makes it another mov */
	if ((code[0] & 0xf0) == 0x40 || code[0] == 0x66)
		return false;
	return code[1] == 0xb8 && (u32)get32(&code[2]) == nr && code[6] == 0x0f && code[7] == 0x05;
}

void patch_init(void)
{
	mutex_init(&patching, RANK_PATCH);
}

bool patch_wanted(struct cpu *c, const struct mach_user *u)
{
	struct mach_space *s = c->mach.space;
	struct site_count *n;

	if (!plan->patch || !x86.xsaveopt || READ_ONCE(s->patch_off) || u->gs_base)
		return false;
	n = &counts[c->id][(u->rip ^ u->rip >> 8 ^ s->root >> PAGE_SHIFT) % COUNTS];
	if (n->root != s->root || n->rip != u->rip)
		*n = (struct site_count){s->root, u->rip, 0};
	return n->n++ == PATCH_AT && u->orig_rax == (u32)u->orig_rax &&
	       site_is_patchable(u->rip, (u32)u->orig_rax);
}

/* ---- patching ---- */

static bool is_near(u64 a, u64 b)
{
	s64 d = (s64)(a - b);

	return d < NEAR && d > -NEAR;
}

/* A slot near rip; 0: none to be had. One whose use fails is lost. */
static u64 slot_take(struct mm *mm, u64 rip)
{
	struct mach_space *s = &mm->space;
	u64 at;

	for (u32 i = 0; i < MACH_PATCH_RANGES; i++) {
		if (!s->range[i].va) {
			at = mm_map_text(mm, PAGE_ALIGN_DOWN(rip), RANGE_SIZE, range_name);
			if (!at)
				return 0;
			s->range[i].va = at;
			s->range[i].used = 0;
		}
		if (is_near(s->range[i].va, rip) && s->range[i].used < RANGE_SIZE / SLOT_SIZE)
			return s->range[i].va + SLOT_SIZE * s->range[i].used++;
	}
	return 0;
}

void patch_site(struct mm *mm, u64 rip, u32 nr)
{
	struct mach_space *s = &mm->space;
	u8 jump[5] = {0xe9};
	struct slot slot;
	u64 at;

	mutex_lock(&patching);
	if (READ_ONCE(s->patch_off))
		goto out_unlock;
	at = slot_take(mm, rip);
	if (!at || !is_near(at, rip))
		goto out_unlock;
	slot_make(&slot, at, rip, nr);
	put32(jump + 1, (s64)(at - (rip - SITE_BYTES + sizeof(jump))));
	if (mm_poke(mm, at, &slot, sizeof(slot), range_name) ||
	    mm_poke(mm, rip - SITE_BYTES, jump, sizeof(jump), NULL))
		klog_once(LOG_DEBUG, "a call site cannot be patched");
out_unlock:
	mutex_unlock(&patching);
}

/* One page of slots, turned into jumps to the calls themselves. */
static void page_off(struct mm *mm, u64 va)
{
	for (u64 at = va; at < va + PAGE_SIZE; at += SLOT_SIZE) {
		struct slot slot;
		u64 rip;

		if (mm_access(mm, at, &slot, sizeof(slot), false) != sizeof(slot) ||
		    !slot_is_ours(&slot, at, &rip))
			continue;
		slot.lea[0] = 0xe9;
		put32(&slot.lea[1], (s64)(rip - 2 - (at + offsetof(struct slot, lea) + 5)));
		if (mm_poke(mm, at, &slot, sizeof(slot), range_name))
			klog_once(LOG_DEBUG, "a slot cannot be turned off");
	}
}

void patch_off(struct mm *mm)
{
	struct mach_space *s = &mm->space;

	mutex_lock(&patching);
	for (u32 i = 0; !s->patch_off && i < MACH_PATCH_RANGES; i++)
		for (u64 p = 0; s->range[i].va && p < s->range[i].used * SLOT_SIZE; p += PAGE_SIZE)
			page_off(mm, s->range[i].va + p);
	WRITE_ONCE(s->patch_off, 1);
	mutex_unlock(&patching);
}

void patch_fork(struct mach_space *child, const struct mach_space *parent)
{
	memcpy(child->range, parent->range, sizeof(child->range));
	child->patch_off = parent->patch_off;
}

/* ---- what an interrupted slot looks like ---- */

bool patch_fix_pc(const struct mach_space *s, struct mach_user *u)
{
	u64 at = u->rip & ~(u64)(SLOT_SIZE - 1), rip;
	struct slot slot;

	if (u->rip == STUB_SITE) {
		u->rip = u->rcx - 2;
		return true;
	}
	for (u32 i = 0; i < MACH_PATCH_RANGES; i++) {
		if (u->rip - s->range[i].va >= RANGE_SIZE || !s->range[i].va)
			continue;
		if (mach_copy_in(&slot, at, sizeof(slot)) || !slot_is_ours(&slot, at, &rip))
			return false;
		u->rax = (u32)get32(slot.nr);
		u->rip = rip - 2;
		return true;
	}
	return false;
}
