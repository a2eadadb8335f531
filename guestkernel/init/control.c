/* control.c - commands from the VMM
 *
 * Provides: the kernel's (server) end of the TELL channel: start a container, wait for its end,
 *   signals, statistics, stacks, limits.
 * Owns: the channel's ends; the list of containers; waits that are not answered yet.
 * One kernel task serves the channel, woken by its interrupt and by containers that end. A request
 * is copied once (header and data) and checked in the copy. Starting a container goes on in the
 * container's first task, which answers when its program runs.
 * Locks: control.lock (RANK_GOFER) for the completion end, since any task may answer. Sleeps: yes.
 * Invariants: every request is answered exactly once, unless the sandbox ends before.
 * Tests: test/machine, test/vm */
#include "init/control.h"
#include "abi/boot.h"
#include "abi/ring.h"
#include "frame.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "quiesce.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "syscall.h"

#define CONTROL_DATA_MAX (512u << 10)
#define CONTAINER_MAX	 64u

static struct {
	struct abi_channel ch;	 /* [I] */
	struct abi_ring_end req; /* [o] the control task */
	struct abi_ring_end cpl; /* [l] */
	struct mutex lock;
	struct waitq wait;	   /* the control task sleeps here */
	a32_t kicked;		   /* [a] something to look at */
	struct control_req *waits; /* [o] unanswered ABI_CTL_WAIT, by container number */
	struct container *containers[CONTAINER_MAX]; /* [a] */
} control;

struct container *container_find(u32 id)
{
	return id < CONTAINER_MAX ? READ_ONCE(control.containers[id]) : NULL;
}

int container_register(struct container *c)
{
	struct container *none = NULL;

	if (c->id >= CONTAINER_MAX)
		return -EINVAL;
	return __atomic_compare_exchange_n(&control.containers[c->id], &none, c, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
		       ? 0
		       : -EBUSY;
}

void container_unregister(struct container *c)
{
	WRITE_ONCE(control.containers[c->id], NULL);
}

void control_notify(void)
{
	a_store_release(&control.kicked, 1);
	waitq_wake_all(&control.wait);
}

static void control_irq(u32 vector)
{
	(void)vector;
	control_notify();
}

void control_reply(const struct control_req *r, s64 ret, u16 flags, const void *data, size_t n)
{
	struct abi_ctl m = {.op = r->msg.op, .id = r->msg.id, .ret = ret, .flags = flags};
	struct abi_ctl *slot = abi_channel_slot(&control.ch, r->slot);
	void *at = abi_channel_data(&control.ch, r->msg.data_off, r->msg.data_len);

	m.data_off = r->msg.data_off;
	m.data_len = at ? (u32)MIN(n, (size_t)r->msg.data_len) : 0;
	if (m.data_len)
		memcpy(at, data, m.data_len);
	mutex_lock(&control.lock);
	memcpy(slot, &m, sizeof(m));
	if (abi_ring_put(&control.cpl, r->slot, 0, 0) == ABI_RING_OK &&
	    abi_ring_publish(&control.cpl) == 1)
		mach_doorbell(ABI_DOORBELL_CTL_TELL);
	mutex_unlock(&control.lock);
}

static int do_signal(const struct control_req *r)
{
	struct container *ct = container_find(r->msg.id);
	/* pid 0 as the sender: from outside, so that it acts on the container's init too */
	struct abi_siginfo si = {.si_code = ABI_SI_USER};
	int sig = (int)r->msg.arg1, err = -ESRCH;
	s64 pid = (s64)r->msg.arg0;
	struct proc *p;

	if (!ct)
		return -ESRCH;
	if (sig < 1 || sig > ABI_NSIG)
		return -EINVAL;
	si.si_signo = sig;
	spin_lock(&tasklist_lock);
	if (pid == -1) {
		for (p = proc_next(ct, 1); p; p = proc_next(ct, p->pid + 1))
			err = signal_send_proc(p, sig, &si);
	} else {
		p = pid == 0 ? ct->init : proc_find(ct, (u32)pid);
		if (p && !p->zombie)
			err = signal_send_proc(p, sig, &si);
	}
	spin_unlock(&tasklist_lock);
	return err;
}

/* A command whose answer is a text made by fn. */
static void reply_text(const struct control_req *r, size_t (*fn)(char *buf, size_t size))
{
	size_t size = MIN((size_t)r->msg.data_len, (size_t)CONTROL_DATA_MAX), n;
	char *buf = kmalloc(MAX(size, (size_t)1));

	if (!buf) {
		control_reply(r, -ENOMEM, 0, NULL, 0);
		return;
	}
	n = MIN(fn(buf, size), size);
	control_reply(r, (s64)n, 0, buf, n);
	kfree(buf);
}

static void wait_request(const struct control_req *r)
{
	struct container *ct = container_find(r->msg.id);

	if (!ct)
		control_reply(r, -ESRCH, 0, NULL, 0);
	else if (control.waits[ct->id].msg.op)
		control_reply(r, -EBUSY, 0, NULL, 0);
	else
		control.waits[ct->id] = *r;
}

static void answer_waits(void)
{
	for (u32 i = 0; i < CONTAINER_MAX; i++) {
		struct control_req *r = &control.waits[i];
		struct container *ct = container_find(i);

		if (!r->msg.op || !ct || !a_load_acquire(&ct->exited))
			continue;
		control_reply(r, ct->exit_status, 0, NULL, 0);
		r->msg.op = 0;
	}
}

/* Takes over r->data. */
static void control_handle(struct control_req *r)
{
	switch (r->msg.op) {
	case ABI_CTL_START:
		container_start(r);
		return;
	case ABI_CTL_WAIT:
		wait_request(r);
		break;
	case ABI_CTL_SIGNAL:
		control_reply(r, do_signal(r), 0, NULL, 0);
		break;
	case ABI_CTL_WINCH:
		hosttty_resize((u32)r->msg.arg0);
		control_reply(r, 0, 0, NULL, 0);
		break;
	case ABI_CTL_STATS:
		reply_text(r, stats_text);
		break;
	case ABI_CTL_STACKS:
		reply_text(r, stacks_text);
		break;
	case ABI_CTL_MEMORY:
		frame_set_limit(r->msg.arg0);
		control_reply(r, 0, 0, NULL, 0);
		break;
	case ABI_CTL_STRACE:
		syscall_trace(r->msg.arg0 != 0);
		control_reply(r, 0, 0, NULL, 0);
		break;
	default:
		control_reply(r, -ENOSYS, 0, NULL, 0);
		break;
	}
	kfree(r->data);
}

/* Copies the request in slot: 0, or a negative errno to answer with. */
static int control_take(u32 slot, struct control_req *r)
{
	const void *at = abi_channel_slot(&control.ch, slot);
	const void *data;

	*r = (struct control_req){.slot = slot};
	memcpy(&r->msg, at, sizeof(r->msg));
	/* Only START brings bytes; elsewhere the range is where the answer's text goes. */
	if (r->msg.op != ABI_CTL_START || !r->msg.data_len)
		return 0;
	data = abi_channel_data(&control.ch, r->msg.data_off, r->msg.data_len);
	if (!data || r->msg.data_len > CONTROL_DATA_MAX)
		return -EINVAL;
	r->data = kmalloc(r->msg.data_len);
	if (!r->data)
		return -ENOMEM;
	memcpy(r->data, data, r->msg.data_len);
	r->data_len = r->msg.data_len;
	return 0;
}

static void control_serve(void)
{
	struct abi_ring_desc d;
	struct control_req r;
	int err;

	while (abi_ring_get(&control.req, &d) == ABI_RING_OK) {
		(void)abi_ring_release(&control.req);
		if (!abi_channel_slot(&control.ch, d.id))
			continue;
		err = control_take(d.id, &r);
		if (err)
			control_reply(&r, err, 0, NULL, 0);
		else
			control_handle(&r);
	}
}

static void control_main(void *unused)
{
	(void)unused;
	for (;;) {
		a_xchg(&control.kicked, 0);
		control_serve();
		answer_waits();
		if (abi_ring_arm_get(&control.req) == ABI_RING_OK)
			continue;
		wait_event(&control.wait, a_load(&control.kicked));
	}
}

void control_init(void)
{
	struct task *t;

	mutex_init(&control.lock, RANK_GOFER);
	waitq_init(&control.wait);
	control.waits = kzalloc(CONTAINER_MAX * sizeof(*control.waits));
	if (!control.waits)
		panic("no memory for the control channel");
	if (abi_channel_open(&control.ch, mach_ctl_tell(), ABI_CTL_CHANNEL_SIZE,
			     ABI_CHANNEL_CONTROL) != ABI_RING_OK ||
	    control.ch.slot_size < sizeof(struct abi_ctl) ||
	    abi_channel_rings(&control.ch, &control.req, &control.cpl) != ABI_RING_OK)
		panic("the control channel is not of this kernel's format");
	mach_irq_register(ABI_VEC_CTL_TELL, control_irq);
	ask_init();
	t = kthread_create(control_main, NULL, "control");
	if (!t)
		panic("no memory for the control task");
	sched_start(t);
}
