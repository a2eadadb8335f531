/* random.c - random bytes
 *
 * Provides: random_bytes(), for ASLR, AT_RANDOM, getrandom, /dev/urandom.
 * Each CPU has a ChaCha20 key of its own. A refill makes eight blocks; the first 32 bytes are the
 * next key, so that what was given out cannot be computed from what is in memory later; bytes given
 * out are cleared. A CPU's first key, and a new one each RESEED refills, mixes the pool's key (the
 * boot seed) with the machine's entropy.
 * Locks: pool_lock for the pool; a CPU's own state needs none, as the kernel is not preempted.
 * Sleeps: never. Tests: test/unit/lib/chacha_test.c (RFC 8439's vectors). */
#include "chacha.h"
#include "abi/boot.h"
#include "cpu.h"
#include "init.h"
#include "slab.h"
#include "string.h"

#define BLOCKS 8u
#define RESEED 4096u

struct rng {
	u32 key[8];
	u32 refills;
	u32 at; /* next byte of buf */
	u8 buf[BLOCKS * 64];
};
static struct rng *rngs[ABI_CPU_MAX]; /* [c] */
static struct spinlock pool_lock = SPINLOCK_INIT(RANK_LOG);
static u32 pool_key[8];	 /* [l] */
static u32 pool_counter; /* [l] */

void random_init(void)
{
	const struct abi_boot *b = mach_boot();
	u8 raw[32];

	memcpy(pool_key, b->seed, 32);
	mach_entropy(raw, sizeof(raw));
	for (u32 i = 0; i < 32; i++)
		((u8 *)pool_key)[i] ^= raw[i] ^ b->seed[32 + i];
}

static void reseed(struct rng *r)
{
	u8 block[64];
	u32 raw[8], nonce[3] = {0};

	mach_entropy(raw, sizeof(raw));
	spin_lock(&pool_lock);
	chacha20_block(block, pool_key, pool_counter++, nonce);
	memcpy(pool_key, block + 32, 32);
	spin_unlock(&pool_lock);
	for (u32 i = 0; i < 8; i++) {
		u32 w;

		memcpy(&w, block + 4 * i, 4);
		r->key[i] ^= w ^ raw[i];
	}
}

static void refill(struct rng *r)
{
	const u32 nonce[3] = {0};

	if (r->refills++ % RESEED == 0)
		reseed(r);
	for (u32 i = 0; i < BLOCKS; i++)
		chacha20_block(r->buf + 64 * i, r->key, i, nonce);
	memcpy(r->key, r->buf, 32);
	memset(r->buf, 0, 32);
	r->at = 32;
}

static struct rng *rng_self(void)
{
	struct rng **p = &rngs[cpu_self()->id];

	if (unlikely(!*p)) {
		*p = kzalloc(sizeof(**p));
		if (*p)
			(*p)->at = sizeof((*p)->buf);
	}
	return *p;
}

/* No memory for a state of this CPU's own: straight from the pool. */
static void pool_bytes(u8 *out, size_t n)
{
	struct rng r = {.refills = 0};

	while (n) {
		size_t m = MIN(n, (size_t)32);

		reseed(&r);
		memcpy(out, r.key, m);
		out += m;
		n -= m;
	}
}

void random_bytes(void *buf, size_t n)
{
	struct rng *r = rng_self();
	u8 *out = buf;

	if (unlikely(!r)) {
		pool_bytes(out, n);
		return;
	}
	while (n) {
		size_t m = MIN(n, sizeof(r->buf) - r->at);

		if (m == 0) {
			refill(r);
			continue;
		}
		memcpy(out, r->buf + r->at, m);
		memset(r->buf + r->at, 0, m);
		r->at += (u32)m;
		out += m;
		n -= m;
	}
}
