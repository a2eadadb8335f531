/* clock.c - the clock from the time page, raw entropy, the CPU's description */
#include "abi/boot.h"
#include "kernel.h"
#include "log.h"
#include "string.h"

const volatile struct abi_time_page *mach_time_page(void)
{
	return DIRECT(ABI_GPA_SHARED + ABI_SHARED_TIME);
}

paddr_t mach_vvar_pa(void)
{
	return PADDR(ABI_GPA_SHARED + ABI_SHARED_TIME);
}

u64 mach_clock(void)
{
	const volatile struct abi_time_page *t = mach_time_page();
	u64 tsc, base, mono;
	u32 seq, mult, shift;

	for (;;) {
		seq = t->seq;
		compiler_barrier(); /* loads are ordered on this architecture */
		base = t->tsc_base;
		mult = t->mult;
		shift = t->shift;
		mono = t->mono_ns;
		tsc = x86_rdtsc();
		compiler_barrier();
		if (!(seq & 1) && seq == t->seq)
			break;
		mach_relax();
	}
	/* Another CPU's counter may be a little behind the one the base was read on. */
	if (unlikely(tsc < base))
		return mono;
	return mono + (u64)((unsigned __int128)(tsc - base) * mult >> (shift & 63));
}

u64 mach_cycles(void)
{
	return x86_rdtsc();
}

static bool rdrand(u64 *v)
{
	bool ok = false;

	for (u32 i = 0; i < 10 && !ok; i++)
		__asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
	return ok;
}

/* The VMM's seed once, then the processor's generator and the counter. */
void mach_entropy(void *buf, size_t n)
{
	static u32 seed_used;
	u8 *p = buf;

	while (n) {
		u64 word[8], part = MIN(n, sizeof(word));

		for (u32 i = 0; i < 8; i++) {
			if (!x86.rdrand || !rdrand(&word[i]))
				word[i] = 0;
			word[i] ^= x86_rdtsc() * 0x9e3779b97f4a7c15ull;
		}
		if (!seed_used) {
			for (u32 i = 0; i < sizeof(boot_info.seed); i++)
				((u8 *)word)[i] ^= boot_info.seed[i];
			memset(boot_info.seed, 0, sizeof(boot_info.seed));
			seed_used = 1;
		}
		memcpy(p, word, part);
		p += part;
		n -= part;
	}
}

u64 mach_hwcap(void)
{
	return x86_cpuid(1, 0).d;
}

u64 mach_hwcap2(void)
{
	return x86.fsgsbase && !x86.gs_taken ? 2 : 0;
}

const char *mach_platform(void)
{
	return "x86_64";
}
