/* pure_test.c - ELF headers, ChaCha20 (RFC 8439), formatting */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "abi/linux/elf.h"
#include "abi/linux/mman.h"
#include "lib/chacha.h"
#include "log.h"
#include "string.h"
#include "task/elf_parse.h"

#define TOP 0x7ffffffff000ull

static struct abi_elf64_ehdr header(void)
{
	struct abi_elf64_ehdr h = {.e_type = ABI_ET_DYN,
				   .e_machine = ABI_ELF_MACHINE,
				   .e_entry = 0x1234,
				   .e_phoff = 64,
				   .e_phentsize = sizeof(struct abi_elf64_phdr),
				   .e_phnum = 2};

	memcpy(h.e_ident, ABI_ELFMAG, ABI_SELFMAG);
	h.e_ident[ABI_EI_CLASS] = ABI_ELFCLASS64;
	h.e_ident[ABI_EI_DATA] = ABI_ELFDATA2LSB;
	return h;
}

static struct elf_image image;

static int parse(const struct abi_elf64_ehdr *h, const struct abi_elf64_phdr *p)
{
	int err = elf_parse_header(h, sizeof(*h), &image);

	return err ? err : elf_parse_segments(p, h->e_phnum * sizeof(*p), TOP, &image);
}

static void test_good(void **state)
{
	struct abi_elf64_ehdr h = header();
	struct abi_elf64_phdr p[2] = {
		{ABI_PT_LOAD, ABI_PF_R | ABI_PF_X, 0, 0, 0, 0x1000, 0x1000, 0x1000},
		{ABI_PT_LOAD, ABI_PF_R | ABI_PF_W, 0x1e00, 0x2e00, 0, 0x100, 0x5000, 0x200000},
	};

	assert_int_equal(parse(&h, p), 0);
	assert_int_equal(image.nseg, 2);
	assert_int_equal(image.seg[0].prot, ABI_PROT_READ | ABI_PROT_EXEC);
	assert_int_equal(image.seg[1].memsz, 0x5000);
	assert_int_equal(image.low, 0);
	assert_int_equal(image.high, 0x8000);
	assert_int_equal(image.phdr_vaddr, 64);
	assert_int_equal(image.align, 0x200000);
	assert_true(image.dyn);
	assert_int_equal(image.interp_len, 0);
}

static void test_bad_header(void **state)
{
	struct abi_elf64_phdr p[2] = {{0}};
	struct abi_elf64_ehdr h = header();

	assert_int_equal(elf_parse_header(&h, sizeof(h) - 1, &image), -ENOEXEC);
	h.e_ident[0] = 0;
	assert_int_equal(parse(&h, p), -ENOEXEC);
	h = header();
	h.e_machine++;
	assert_int_equal(parse(&h, p), -ENOEXEC);
	h = header();
	h.e_type = ABI_ET_REL;
	assert_int_equal(parse(&h, p), -ENOEXEC);
	h = header();
	h.e_phnum = 0;
	assert_int_equal(parse(&h, p), -ENOEXEC);
	h.e_phnum = 0xffff;
	assert_int_equal(elf_parse_header(&h, sizeof(h), &image), -ENOEXEC);
	h = header();
	h.e_phoff = ~0ull - 10;
	assert_int_equal(parse(&h, p), -ENOEXEC);
	h = header();
	assert_int_equal(parse(&h, p), -ENOEXEC); /* nothing to load */
}

static void test_bad_segment(void **state)
{
	struct abi_elf64_ehdr h = header();
	const struct abi_elf64_phdr good = {ABI_PT_LOAD, ABI_PF_R, 0, 0, 0, 0x1000, 0x1000, 0};
	struct abi_elf64_phdr p[2] = {good, good};

	p[1].p_memsz = 0xfff; /* less than in the file */
	assert_int_equal(parse(&h, p), -EINVAL);
	p[1] = good;
	p[1].p_vaddr = 0x10; /* not where the file's page has it */
	assert_int_equal(parse(&h, p), -EINVAL);
	p[1] = good;
	p[1].p_vaddr = TOP;
	assert_int_equal(parse(&h, p), -ENOMEM);
	p[1] = good;
	p[1].p_memsz = ~0ull;
	assert_int_equal(parse(&h, p), -ENOMEM);
	p[1] = good;
	p[1].p_offset = ~0xfffull;
	assert_int_equal(parse(&h, p), -EINVAL);
	p[1] = good;
	p[1].p_vaddr = TOP - 0x1000;
	p[1].p_memsz = 0x1001;
	assert_int_equal(parse(&h, p), -ENOMEM);
	p[1] = (struct abi_elf64_phdr){.p_type = ABI_PT_INTERP, .p_filesz = ELF_PATH_MAX + 1};
	assert_int_equal(parse(&h, p), -ENOEXEC);
	p[1].p_filesz = 1;
	assert_int_equal(parse(&h, p), -ENOEXEC);
}

static void test_chacha(void **state)
{
	/* RFC 8439, section 2.3.2 */
	static const u8 want[] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15,
				  0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4};
	const u32 nonce[3] = {0x09000000, 0x4a000000, 0};
	u8 key[32], out[64];
	u32 words[8];

	for (u32 i = 0; i < 32; i++)
		key[i] = (u8)i;
	memcpy(words, key, 32);
	chacha20_block(out, words, 1, nonce);
	assert_memory_equal(out, want, sizeof(want));
}

static const char *format(const char *fmt, ...)
{
	static char buf[64];
	va_list ap;

	va_start(ap, fmt);
	kvsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return buf;
}

static void test_format(void **state)
{
	char small[4];

	assert_string_equal(format("%d %5d|%-5d|%05d", -7, 42, 42, -42), "-7    42|42   |-0042");
	assert_string_equal(format("%lx %#x %08x", 0x123456789abl, 255, 0xabcd),
			    "123456789ab 0xff 0000abcd");
	assert_string_equal(format("%s|%.2s|%6s|%-4s|", "abc", "abc", "abc", "a"),
			    "abc|ab|   abc|a   |");
	assert_string_equal(format("%c%% %zu %lld", 'x', (size_t)9, -1ll), "x% 9 -1");
	assert_string_equal(format("%*d %.3d", 4, 7, 5), "   7 005");
	assert_string_equal(format("%ld", INT64_MIN), "-9223372036854775808");
	assert_int_equal(ksnprintf(small, sizeof(small), "%s", "abcdef"), 6);
	assert_string_equal(small, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	    cmocka_unit_test(test_bad_header),
		cmocka_unit_test(test_bad_segment), cmocka_unit_test(test_chacha),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
