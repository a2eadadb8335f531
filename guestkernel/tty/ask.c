/* ask.c - requests to the VMM about host descriptors
 *
 * Provides: tty/ask.h. Owns: the ASK channel's ends, its slots; each slot has a fixed share of the
 *   data area.
 * A call takes a slot (waiting for one if all are in use), fills it, and sleeps until the
 * completion interrupt marks it done. A reply is copied once; its length is checked against what
 * was asked. A signal during an interruptible call sends FD_CANCEL for the slot; the answer to the
 * call itself still comes (-EINTR, or the result if it was faster) and frees the slot.
 * Locks: ask.lock (RANK_CHANNEL) for ends and slots, never held while waking.
 * Tests: test/machine */
#include "tty/ask.h"
#include "abi/boot.h"
#include "abi/ring.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "string.h"
#include "uaccess.h"

#define ASK_SLOTS 64u

struct ask_slot {
	struct task *task;	 /* [l] who waits, or null */
	struct ask_async *async; /* [l] */
	a32_t done;		 /* [a] */
};

static struct {
	struct abi_channel ch;	 /* [I] */
	struct abi_ring_end req; /* [l] */
	struct abi_ring_end cpl; /* [l] */
	struct spinlock lock;
	u64 free;     /* [l] bit per slot */
	size_t chunk; /* [I] */
	struct ask_slot slot[ASK_SLOTS];
	struct waitq wait; /* for a free slot */
} ask;

size_t ask_chunk(void)
{
	return ask.chunk;
}

static u32 slot_data_off(u32 slot)
{
	return slot * (u32)ask.chunk;
}

static bool slot_take(u32 *out)
{
	bool got;

	spin_lock(&ask.lock);
	got = ask.free != 0;
	if (got) {
		*out = (u32)__builtin_ctzll(ask.free);
		ask.free &= ask.free - 1;
		ask.slot[*out] = (struct ask_slot){0};
	}
	spin_unlock(&ask.lock);
	return got;
}

static void slot_free(u32 slot)
{
	spin_lock(&ask.lock);
	ask.slot[slot].task = NULL;
	ask.slot[slot].async = NULL;
	ask.free |= 1ull << slot;
	spin_unlock(&ask.lock);
	waitq_wake(&ask.wait, 1, 0);
}

static void slot_submit(u32 slot, const struct abi_ctl *m)
{
	bool ring = false;

	memcpy(abi_channel_slot(&ask.ch, slot), m, sizeof(*m));
	spin_lock(&ask.lock);
	/* As many descriptors as slots: there is always room. */
	if (abi_ring_put(&ask.req, slot, 0, 0) == ABI_RING_OK)
		ring = abi_ring_publish(&ask.req) == 1;
	spin_unlock(&ask.lock);
	if (ring)
		mach_doorbell(ABI_DOORBELL_CTL_ASK);
}

static void complete(u32 id)
{
	struct ask_async *async = NULL;
	struct task *task = NULL;
	struct abi_ctl reply;

	if (id >= ASK_SLOTS)
		return;
	spin_lock(&ask.lock);
	async = ask.slot[id].async;
	task = ask.slot[id].task;
	spin_unlock(&ask.lock);
	if (async) {
		memcpy(&reply, abi_channel_slot(&ask.ch, id), sizeof(reply));
		slot_free(id);
		a_store_release(&async->busy, 0);
		async->fn(async, &reply);
		return;
	}
	a_store_release(&ask.slot[id].done, 1);
	if (task)
		(void)sched_wake(task, TASK_NORMAL);
}

static void ask_irq(u32 vector)
{
	struct abi_ring_desc d;

	(void)vector;
	for (;;) {
		int got;

		spin_lock(&ask.lock);
		got = abi_ring_get(&ask.cpl, &d);
		if (got == ABI_RING_OK)
			(void)abi_ring_release(&ask.cpl);
		else if (got == ABI_RING_AGAIN && abi_ring_arm_get(&ask.cpl) == ABI_RING_OK)
			got = ABI_RING_OK + 1; /* something came while we armed */
		spin_unlock(&ask.lock);
		if (got < 0)
			return;
		if (got == ABI_RING_OK)
			complete(d.id);
	}
}

/* Sleeps until the slot is answered; with a signal once if that is allowed. */
static int slot_wait(u32 slot, bool interruptible)
{
	for (;;) {
		int err;

		sched_set_state(interruptible ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE);
		if (a_load_acquire(&ask.slot[slot].done)) {
			sched_set_state(TASK_RUNNING);
			return 0;
		}
		err = sched_block_until(DEADLINE_NONE);
		if (err)
			return err;
	}
}

static void cancel(u32 slot)
{
	struct abi_ctl m = {.op = ABI_CTL_FD_CANCEL, .arg0 = slot};
	u32 c;

	wait_event(&ask.wait, slot_take(&c));
	ask.slot[c].task = current;
	slot_submit(c, &m);
	(void)slot_wait(c, false);
	slot_free(c);
}

s64 ask_call(const struct ask_args *a, struct abi_ctl *r, bool interruptible)
{
	struct abi_ctl m = {.op = a->op,
			    .flags = a->flags,
			    .id = a->fd,
			    .arg0 = a->arg0,
			    .arg1 = a->arg1,
			    .data_len = (u32)MIN(a->len, ask.chunk)};
	struct abi_ctl reply;
	bool cancelled = false;
	u32 slot;
	void *data;

	wait_event(&ask.wait, slot_take(&slot));
	m.data_off = slot_data_off(slot);
	data = abi_channel_data(&ask.ch, m.data_off, m.data_len);
	kassert(data || !m.data_len);
	if (a->in) {
		m.data_len = (u32)iter_get(a->in, data, m.data_len);
		if (!m.data_len && a->len) {
			slot_free(slot);
			return -EFAULT;
		}
	}
	ask.slot[slot].task = current;
	slot_submit(slot, &m);
	if (slot_wait(slot, interruptible)) {
		cancelled = true;
		cancel(slot);
		(void)slot_wait(slot, false);
	}
	memcpy(&reply, abi_channel_slot(&ask.ch, slot), sizeof(reply));
	if (a->out && reply.ret >= 0 && reply.data_len) {
		size_t n = MIN((size_t)reply.data_len, (size_t)m.data_len);
		size_t put = iter_put(a->out, data, n);

		if (reply.ret > 0)
			reply.ret = put ? (s64)put : -EFAULT;
	}
	slot_free(slot);
	if (r)
		*r = reply;
	return cancelled && reply.ret == -EINTR ? -ERESTARTSYS : reply.ret;
}

int ask_start(struct ask_async *a, u16 op, u32 fd, u64 arg0)
{
	struct abi_ctl m = {.op = op, .id = fd, .arg0 = arg0};
	u32 slot;

	if (!slot_take(&slot))
		return -EAGAIN;
	a_store(&a->busy, 1);
	spin_lock(&ask.lock);
	ask.slot[slot].async = a;
	spin_unlock(&ask.lock);
	slot_submit(slot, &m);
	return 0;
}

void ask_init(void)
{
	spin_init(&ask.lock, RANK_CHANNEL);
	waitq_init(&ask.wait);
	if (abi_channel_open(&ask.ch, mach_ctl_ask(), ABI_CTL_CHANNEL_SIZE, ABI_CHANNEL_CONTROL) !=
		    ABI_RING_OK ||
	    ask.ch.slot_count < ASK_SLOTS || ask.ch.slot_size < sizeof(struct abi_ctl) ||
	    ask.ch.ring_entries < ASK_SLOTS ||
	    abi_channel_rings(&ask.ch, &ask.req, &ask.cpl) != ABI_RING_OK)
		panic("the channel for host descriptors is not of this kernel's format");
	ask.chunk = PAGE_ALIGN_DOWN(ask.ch.data_size / ASK_SLOTS);
	ask.free = ~0ull;
	mach_irq_register(ABI_VEC_CTL_ASK, ask_irq);
	(void)abi_ring_arm_get(&ask.cpl);
}
