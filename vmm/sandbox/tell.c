/* tell.c - commands to the guest kernel: the client of the TELL channel
 *
 * Owns: the slots and the data area of the channel. The data area belongs to one command at a
 *   time (.bulk_busy): commands with data are few and short.
 * Trust: a reply names a slot that must be in flight; its text is copied once, within the length
 *   that was offered. A kernel that breaks the rules loses the channel, not the VMM.
 */
#include "vmm/sandbox/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/util/util.h"

static int tell_free_slot(struct tell *tell)
{
	for (unsigned i = 0; i < ABI_CTL_SLOTS; i++)
		if (!tell->slot[i].done)
			return i;
	return -1;
}

int tell_send(struct sandbox *sb, const struct abi_ctl *cmd, const void *data, uint32_t len,
	      uint32_t want, tell_done done, void *arg)
{
	struct tell *tell = &sb->tell;
	bool bulk = len || want;
	int slot = tell_free_slot(tell);
	struct abi_ctl msg = *cmd;
	uint64_t one = 1;

	if (slot < 0 || (bulk && tell->bulk_busy))
		return -EBUSY;
	if (len > tell->chan.data_size || want > tell->chan.data_size)
		return -E2BIG;
	if (len)
		memcpy(tell->chan.base + tell->chan.data_off, data, len);
	msg.data_len = len > want ? len : want;
	abi_copy_words(abi_channel_slot(&tell->chan, slot), &msg, sizeof(msg));
	if (abi_ring_put(&tell->req, slot, 0, 0) != ABI_RING_OK)
		return -EPIPE;
	tell->slot[slot].done = done;
	tell->slot[slot].arg = arg;
	tell->slot[slot].bulk = bulk;
	if (bulk)
		tell->bulk_busy = true;
	if (abi_ring_publish(&tell->req))
		(void)!write(sb->vm.irq_tell, &one, sizeof(one));
	return 0;
}

static void tell_reply(struct sandbox *sb, uint32_t slot)
{
	struct tell *tell = &sb->tell;
	cleanup_free char *text = NULL;
	tell_done done = tell->slot[slot].done;
	void *arg = tell->slot[slot].arg;
	bool bulk = tell->slot[slot].bulk;
	struct abi_ctl reply;
	uint32_t len = 0;

	abi_copy_words(&reply, abi_channel_slot(&tell->chan, slot), sizeof(reply));
	if (bulk && reply.data_len <= tell->chan.data_size)
		len = reply.data_len;
	if (len)
		text = malloc(len);
	if (text)
		memcpy(text, tell->chan.base + tell->chan.data_off, len);
	tell->slot[slot].done = NULL;
	if (bulk)
		tell->bulk_busy = false;
	done(sb, arg, &reply, text, text ? len : 0);
}

static void tell_broken(struct sandbox *sb)
{
	sandbox_log(sb, 0, "the kernel broke the command channel");
	sandbox_watch(sb, &sb->tell.bell, 0);
}

static void tell_ready(struct sandbox *sb, struct source *src, uint32_t events)
{
	struct tell *tell = &sb->tell;
	struct abi_ring_desc d;
	uint64_t count;
	int rc;

	(void)!read(src->fd, &count, sizeof(count));
	do {
		while ((rc = abi_ring_get(&tell->cpl, &d)) == ABI_RING_OK) {
			if (d.id >= ABI_CTL_SLOTS || !tell->slot[d.id].done) {
				tell_broken(sb);
				return;
			}
			tell_reply(sb, d.id);
		}
		abi_ring_release(&tell->cpl);
	} while (rc == ABI_RING_AGAIN && (rc = abi_ring_arm_get(&tell->cpl)) == ABI_RING_OK);
	if (rc == ABI_RING_BROKEN)
		tell_broken(sb);
}

int tell_open(struct sandbox *sb, struct error *err)
{
	struct tell *tell = &sb->tell;
	void *base = sb->vm.shared + ABI_SHARED_CTL_TELL;

	if (abi_channel_format(base, ABI_CTL_CHANNEL_SIZE, ABI_CHANNEL_CONTROL, ABI_CTL_ENTRIES,
			       ABI_CTL_SLOTS, ABI_CTL_SLOT_SIZE) ||
	    abi_channel_open(&tell->chan, base, ABI_CTL_CHANNEL_SIZE, ABI_CHANNEL_CONTROL) ||
	    abi_channel_rings(&tell->chan, &tell->req, &tell->cpl))
		return error_set(err, "cannot lay out the command channel");
	abi_ring_arm_get(&tell->cpl);
	tell->bell = (struct source){.fd = sb->vm.doorbell_tell, .ready = tell_ready};
	sandbox_watch(sb, &tell->bell, EPOLLIN);
	return 0;
}
