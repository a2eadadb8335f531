/* image_test.c - vmm/sandbox/image.c: the kernel's ELF image, whole and broken */
#include "vmm/sandbox/image.h"

#include <elf.h>

#include "test/unit/vmm/test.h"

#define BASE 0xffffffff80000000ull
#define ROOM (64ull << 20)

/* The micro kernel stands in for the kernel; see test/vm/micro.c. */
static size_t image_size(void)
{
	return kernel_image_end - kernel_image_start;
}

static int open_copy(struct image *image, uint8_t *copy)
{
	static struct error err;

	return image_open(image, copy, image_size(), BASE, ROOM, &err);
}

static uint8_t *copy_of_image(void)
{
	uint8_t *copy = malloc(image_size());

	memcpy(copy, kernel_image_start, image_size());
	return copy;
}

static void test_whole(void **state)
{
	struct image image;
	uint8_t *copy = copy_of_image(), *memory;
	uint64_t off;

	assert_int_equal(open_copy(&image, copy), 0);
	assert_true(image.start >= BASE && image.entry >= image.start && image.entry < image.end);
	assert_true(image.ap_entry > image.entry);
	assert_string_equal(image_symbol(&image, image.ap_entry, &off), "ap_entry");
	assert_int_equal(off, 0);
	assert_true(image_lookup(&image, "micro_main") != 0);
	assert_int_equal(image_lookup(&image, "no_such_symbol"), 0);
	image_symbol(&image, 0, &off);
	image_symbol(&image, UINT64_MAX, &off);
	memory = calloc(1, image.end - image.start);
	image_load(&image, memory);
	/* The entry's first instruction is where it belongs: lea into rsp. */
	assert_int_equal(memory[image.entry - image.start], 0x48);
	free(memory);
	free(copy);
}

static void test_headers(void **state)
{
	struct image image;
	uint8_t *copy = copy_of_image();
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)copy, good = *eh;
	struct error err;

	assert_int_equal(image_open(&image, copy, 10, BASE, ROOM, &err), -1);
	eh->e_ident[0] = 0;
	assert_int_equal(open_copy(&image, copy), -1);
	*eh = good;
	eh->e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(open_copy(&image, copy), -1);
	*eh = good;
	eh->e_type = ET_DYN;
	assert_int_equal(open_copy(&image, copy), -1);
	*eh = good;
	eh->e_phoff = UINT64_MAX - 8;
	assert_int_equal(open_copy(&image, copy), -1);
	*eh = good;
	eh->e_phnum = UINT16_MAX;
	assert_int_equal(open_copy(&image, copy), -1);
	*eh = good;
	eh->e_entry = BASE + ROOM;
	assert_int_equal(open_copy(&image, copy), -1);
	/* Without sections only the names are missing. */
	*eh = good;
	eh->e_shoff = UINT64_MAX;
	assert_int_equal(open_copy(&image, copy), 0);
	assert_int_equal(image.symbol_count, 0);
	free(copy);
}

static void test_segments(void **state)
{
	struct image image;
	uint8_t *copy = copy_of_image();
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)copy;
	Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(copy + eh->e_phoff), good = *ph;

	assert_int_equal(good.p_type, PT_LOAD);
	ph->p_filesz = ph->p_memsz + 1;
	assert_int_equal(open_copy(&image, copy), -1);
	*ph = good;
	ph->p_offset = image_size();
	assert_int_equal(open_copy(&image, copy), -1);
	*ph = good;
	ph->p_vaddr = 0x1000;
	assert_int_equal(open_copy(&image, copy), -1);
	*ph = good;
	ph->p_memsz = UINT64_MAX - 4096;
	assert_int_equal(open_copy(&image, copy), -1);
	*ph = good;
	assert_int_equal(open_copy(&image, copy), 0);
	free(copy);
}

/* No byte of the headers, whatever it becomes, leads outside the buffer. */
static void test_flips(void **state)
{
	struct image image;
	uint8_t *copy = copy_of_image();
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)copy;
	size_t head = eh->e_phoff + eh->e_phnum * sizeof(Elf64_Phdr);
	size_t tail = eh->e_shoff;

	for (size_t i = 0; i < image_size(); i++) {
		static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
		uint8_t old = copy[i];
		uint64_t off;

		if (i >= head && i < tail)
			continue;
		for (size_t v = 0; v < sizeof(values); v++) {
			copy[i] = values[v];
			if (open_copy(&image, copy) || image.end - image.start > ROOM)
				continue;
			image_symbol(&image, image.entry, &off);
			image_lookup(&image, "x");
		}
		copy[i] = old;
	}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
