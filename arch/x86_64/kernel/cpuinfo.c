/* cpuinfo.c - one stanza of /proc/cpuinfo: what programs look for there */
#include "abi/boot.h"
#include "cpu.h"
#include "kernel.h"
#include "log.h"
#include "string.h"

/* Names of feature bits, in bit order; an empty name is not shown. */
static const char *const names_1_edx =
	"fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - - "
	"acpi mmx fxsr sse sse2 ss ht tm - pbe";
static const char *const names_1_ecx =
	"pni pclmulqdq - - - - - - - ssse3 - - fma cx16 - - - pcid - sse4_1 sse4_2 x2apic movbe "
	"popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
static const char *const names_ext_edx = "- - - - - - - - - - - syscall - - - - - - - - nx - "
					 "mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
					 "3dnowext 3dnow";
static const char *const names_ext_ecx = "lahf_lm cmp_legacy - - cr8_legacy abm sse4a misalignsse "
					 "3dnowprefetch - - xop - - - - fma4 "
					 "- - - - tbm";
static const char *const names_7_ebx =
	"fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm - - - - avx512f avx512dq "
	"rdseed adx smap avx512ifma - clflushopt clwb - - - avx512cd sha_ni avx512bw avx512vl";
static const char *const names_7_ecx = "- avx512vbmi umip pku ospke - avx512_vbmi2 - gfni vaes "
				       "vpclmulqdq avx512_vnni avx512_bitalg "
				       "- avx512_vpopcntdq - - - - - - - rdpid";

struct text {
	char *buf;
	size_t size, n;
};

static void printf_like(2, 3) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(t->buf + t->n, t->size - t->n, fmt, ap);
	va_end(ap);
	t->n += MIN((size_t)n, t->size - t->n - 1);
}

static void add_flags(struct text *t, const char *names, u32 bits)
{
	for (u32 i = 0; *names; i++) {
		const char *end = strchr(names, ' ');
		int len = (int)(end ? (size_t)(end - names) : strlen(names));

		if (bits >> i & 1 && *names != '-')
			add(t, " %.*s", len, names);
		names += len + (end ? 1 : 0);
	}
}

static void add_model(struct text *t)
{
	struct x86_cpuid r = x86_cpuid(0, 0);
	u32 vendor[4] = {r.b, r.d, r.c, 0}, brand[13] = {0};
	u32 family, model;

	r = x86_cpuid(1, 0);
	family = r.a >> 8 & 15;
	model = r.a >> 4 & 15;
	if (family == 6 || family == 15)
		model |= r.a >> 12 & 0xf0;
	if (family == 15)
		family += r.a >> 20 & 255;
	for (u32 i = 0; i < 3; i++) {
		struct x86_cpuid b = x86_cpuid(0x80000002 + i, 0);

		memcpy(&brand[i * 4], &b, sizeof(b));
	}
	add(t, "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", (char *)vendor, family, model);
	add(t, "model name\t: %s\nstepping\t: %u\n", (char *)brand, r.a & 15);
}

static void add_all_flags(struct text *t)
{
	struct x86_cpuid r = x86_cpuid(1, 0);

	add(t, "flags\t\t:");
	add_flags(t, names_1_edx, r.d);
	r = x86_cpuid(0x80000001, 0);
	add_flags(t, names_ext_edx, r.d);
	add(t, " constant_tsc rep_good nopl");
	r = x86_cpuid(1, 0);
	add_flags(t, names_1_ecx, r.c);
	r = x86_cpuid(0x80000001, 0);
	add_flags(t, names_ext_ecx, r.c);
	r = x86_cpuid(7, 0);
	add_flags(t, names_7_ebx, r.b);
	add_flags(t, names_7_ecx, r.c);
	if (x86.xsaveopt)
		add(t, " xsaveopt");
	add(t, "\nbugs\t\t:\n");
}

void mach_cpuinfo(char *buf, size_t size, u32 cpu)
{
	struct text t = {buf, size, 0};
	u64 khz = boot_info.tsc_khz;
	struct x86_cpuid r;

	if (!size)
		return;
	add(&t, "processor\t: %u\n", cpu);
	add_model(&t);
	add(&t, "cpu MHz\t\t: %lu.%03lu\n", khz / 1000, khz % 1000);
	add(&t,
	    "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n",
	    cpu_count, cpu, cpu_count, cpu);
	add(&t, "fpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\n");
	add_all_flags(&t);
	add(&t, "bogomips\t: %lu.%02lu\n", khz / 500, khz / 5 % 100);
	r = x86_cpuid(1, 0);
	add(&t, "clflush size\t: %u\ncache_alignment\t: 64\n", (r.b >> 8 & 255) * 8);
	r = x86_cpuid(0x80000008, 0);
	add(&t, "address sizes\t: %u bits physical, %u bits virtual\n\n", r.a & 255,
	    r.a >> 8 & 255);
}
