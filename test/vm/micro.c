/* micro.c - a kernel of a few lines that exercises the VMM and nothing else
 *
 * It logs, starts the second processor, takes START, writes argv[1..] to descriptor 1 through the
 * ASK channel, and answers WAIT. argv[0] picks what it does:
 *   echo ARGS     writes them and ends with status 7
 *   cat           copies descriptor 0 to descriptor 1 until its end
 *   panic         ABI_HC_PANIC
 *   fault         triple fault
 *   status N      ends with status N
 *   signal        waits for ABI_CTL_SIGNAL and ends with 128 + it
 *   missing       refuses START as a program that is not found
 */
#include "abi/boot.h"
#include "abi/control.h"
#include "abi/ring.h"
#include "abi/spec.h"

void micro_main(struct abi_boot *boot, uint64_t cpu);
void micro_ap(struct abi_boot *boot, uint64_t cpu);

static struct abi_channel ask, tell;
static struct abi_ring_end ask_req, ask_cpl, tell_req, tell_cpl;
static volatile int ap_alive;
static uint64_t wanted_signal;
static char arg[8][256];
static unsigned argc;

static uint8_t *shared(uint64_t off)
{
	return (uint8_t *)(ABI_KVA_DIRECT + ABI_GPA_SHARED + off);
}

static struct abi_cpu_block *block(uint64_t cpu)
{
	return (struct abi_cpu_block *)(void *)shared(ABI_SHARED_CPU + cpu * ABI_PAGE_SIZE);
}

static int64_t hypercall(uint64_t cpu, uint32_t number)
{
	__asm__ volatile("outl %0, %w1" : : "a"(number), "Nd"(ABI_PORT_HYPERCALL) : "memory");
	return block(cpu)->ret;
}

static void bell(uint32_t index)
{
	__asm__ volatile("outl %0, %w1" : : "a"(index), "Nd"(ABI_PORT_DOORBELL) : "memory");
}

static unsigned length(const char *s)
{
	unsigned n = 0;

	while (s[n])
		n++;
	return n;
}

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void say(uint64_t cpu, uint32_t number, const char *text)
{
	struct abi_cpu_block *b = block(cpu);
	unsigned n = length(text);

	for (unsigned i = 0; i < n; i++)
		b->log[i] = text[i];
	b->arg[0] = 2;
	b->arg[1] = n;
	b->arg[2] = (uint64_t)(uintptr_t)__builtin_return_address(0);
	b->arg[3] = b->arg[4] = b->arg[5] = 0;
	hypercall(cpu, number);
}

/* One request to the VMM, spinning for its answer. */
static struct abi_ctl call(struct abi_ctl msg)
{
	struct abi_ring_desc d;

	abi_copy_words(abi_channel_slot(&ask, 0), &msg, sizeof(msg));
	abi_ring_put(&ask_req, 0, 0, 0);
	if (abi_ring_publish(&ask_req))
		bell(ABI_DOORBELL_CTL_ASK);
	while (abi_ring_get(&ask_cpl, &d) != ABI_RING_OK)
		__asm__ volatile("pause");
	abi_ring_release(&ask_cpl);
	abi_copy_words(&msg, abi_channel_slot(&ask, 0), sizeof(msg));
	return msg;
}

static void put(const char *text, unsigned len)
{
	while (len) {
		uint8_t *data = abi_channel_data(&ask, 0, len);
		struct abi_ctl r;

		for (unsigned i = 0; i < len; i++)
			data[i] = text[i];
		r = call((struct abi_ctl){
			.op = ABI_CTL_FD_WRITE, .id = 1, .arg0 = ~0ull, .data_len = len});
		if (r.ret <= 0)
			return;
		text += r.ret;
		len -= r.ret;
	}
}

static void cat(void)
{
	static char copy[4096];

	for (;;) {
		struct abi_ctl r = call((struct abi_ctl){
			.op = ABI_CTL_FD_READ, .arg0 = ~0ull, .data_len = sizeof(copy)});
		const uint8_t *data = abi_channel_data(&ask, 0, sizeof(copy));

		if (r.ret <= 0)
			return;
		for (int64_t i = 0; i < r.ret; i++)
			copy[i] = data[i];
		put(copy, r.ret);
	}
}

static void take_spec(const struct abi_ctl *msg)
{
	const uint8_t *blob = abi_channel_data(&tell, msg->data_off, msg->data_len);
	const struct abi_spec *spec = (const void *)blob;
	const char *s = (const char *)blob + spec->argv;

	for (argc = 0; argc < spec->argc && argc < 8; argc++) {
		unsigned n = 0;

		for (; *s; s++)
			if (n < sizeof(arg[0]) - 1)
				arg[argc][n++] = *s;
		arg[argc][n] = 0;
		s++;
	}
}

static int64_t work(void)
{
	int64_t status = 0;

	if (equal(arg[0], "panic"))
		say(0, ABI_HC_PANIC, "the micro kernel was told to die\nsecond line");
	if (equal(arg[0], "fault"))
		__asm__ volatile("ud2");
	while (equal(arg[0], "stuck"))
		__asm__ volatile("pause");
	if (equal(arg[0], "cat"))
		cat();
	if (equal(arg[0], "status"))
		for (const char *p = arg[1]; *p; p++)
			status = status * 10 + *p - '0';
	if (!equal(arg[0], "echo"))
		return status << 8;
	for (unsigned i = 1; i < argc; i++) {
		put(arg[i], length(arg[i]));
		put(i + 1 < argc ? " " : "\n", 1);
	}
	return 7 << 8;
}

static void reply(uint32_t slot, struct abi_ctl *msg, int64_t ret)
{
	msg->ret = ret;
	abi_copy_words(abi_channel_slot(&tell, slot), msg, sizeof(*msg));
	abi_ring_put(&tell_cpl, slot, 0, 0);
	if (abi_ring_publish(&tell_cpl))
		bell(ABI_DOORBELL_CTL_TELL);
}

static void command(uint32_t slot)
{
	struct abi_ctl msg;

	abi_copy_words(&msg, abi_channel_slot(&tell, slot), sizeof(msg));
	switch (msg.op) {
	case ABI_CTL_START:
		take_spec(&msg);
		msg.data_len = 0;
		if (equal(arg[0], "missing")) {
			msg.flags = ABI_CTL_START_EXEC;
			reply(slot, &msg, -2);
		} else {
			reply(slot, &msg, 1);
		}
		break;
	case ABI_CTL_SIGNAL:
		wanted_signal = msg.arg1;
		reply(slot, &msg, 0);
		break;
	case ABI_CTL_WAIT:
		if (equal(arg[0], "signal"))
			while (!wanted_signal) {
				struct abi_ring_desc d;

				if (abi_ring_get(&tell_req, &d) == ABI_RING_OK)
					command(d.id);
			}
		reply(slot, &msg, wanted_signal ? (int64_t)wanted_signal : work());
		break;
	default:
		msg.data_len = 0;
		reply(slot, &msg, -38);
	}
}

void micro_ap(struct abi_boot *boot, uint64_t cpu)
{
	say(cpu, ABI_HC_LOG, "micro kernel: a second processor runs");
	ap_alive = 1;
}

void micro_main(struct abi_boot *boot, uint64_t cpu)
{
	if (boot->magic != ABI_BOOT_MAGIC)
		say(0, ABI_HC_PANIC, "no boot page");
	say(0, ABI_HC_LOG, "micro kernel: up");
	abi_channel_open(&ask, shared(ABI_SHARED_CTL_ASK), ABI_CTL_CHANNEL_SIZE,
			 ABI_CHANNEL_CONTROL);
	abi_channel_open(&tell, shared(ABI_SHARED_CTL_TELL), ABI_CTL_CHANNEL_SIZE,
			 ABI_CHANNEL_CONTROL);
	abi_channel_rings(&ask, &ask_req, &ask_cpl);
	abi_channel_rings(&tell, &tell_req, &tell_cpl);
	if (boot->cpu_max > 1) {
		block(0)->arg[0] = 1;
		if (hypercall(0, ABI_HC_CPU_START))
			say(0, ABI_HC_PANIC, "the second processor does not start");
		while (!ap_alive)
			__asm__ volatile("pause");
	}
	for (;;) {
		struct abi_ring_desc d;

		if (abi_ring_get(&tell_req, &d) == ABI_RING_OK) {
			abi_ring_release(&tell_req);
			command(d.id);
		}
		__asm__ volatile("pause");
	}
}
