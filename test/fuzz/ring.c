/* ring.c - fuzz: both ends of abi/ring.h against a peer that writes what it likes
 *
 * The input is a program: each byte an operation of one end, or of the peer on shared memory. What
 * must hold: no access outside the region (ASan), and a get never yields more than was ever
 * claimed by one look at the peer's index. */
#include "abi/ring.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define REGION 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_step(struct abi_ring_end *req, struct abi_ring_end *cpl, uint8_t op)
{
	struct abi_ring_desc d;
	uint32_t got = 0;

	switch (op % 8) {
	case 0:
		abi_ring_put(cpl, op, op, op);
		break;
	case 1:
		abi_ring_publish(cpl);
		break;
	case 2:
		while (abi_ring_get(req, &d) == ABI_RING_OK)
			if (++got > req->mask + 1)
				abort();
		break;
	case 3:
		abi_ring_release(req);
		break;
	case 4:
		abi_ring_arm_get(req);
		break;
	case 5:
		abi_ring_arm_put(cpl);
		break;
	case 6:
		abi_ring_disarm_get(req);
		break;
	default:
		if (abi_ring_used(cpl) > (int)cpl->mask + 1)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *base = aligned_alloc(64, REGION);
	struct abi_ring_end req, cpl;
	struct abi_channel c;
	size_t at = 0;

	memset(base, 0, REGION);
	if (abi_channel_format(base, REGION, ABI_CHANNEL_GOFER, 8, 8, 512))
		abort();
	/* Some bytes of the header and the rings are the peer's from the start. */
	for (; at + 4 <= size && at < 64 && data[at] & 1; at += 4)
		base[(data[at + 1] | data[at + 2] << 8) % REGION] = data[at + 3];
	if (abi_channel_open(&c, base, REGION, ABI_CHANNEL_GOFER) ||
	    abi_channel_rings(&c, &req, &cpl))
		goto out_free;
	for (; at + 4 <= size; at += 4) {
		if (data[at] & 0x80)
			memcpy(base + (data[at] & 3 ? c.req_off : c.cpl_off) + 64 +
				       (data[at + 1] & 0x7c),
			       &data[at], 4);
		else
			one_step(&req, &cpl, data[at]);
	}
out_free:
	free(base);
	return 0;
}
