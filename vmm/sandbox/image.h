/* image.h - the guest kernel's ELF image: checks, segments, symbols
 *
 * The image is embedded in this program, but checked like any other input: tests and fuzzers feed
 * it broken ones.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "vmm/util/error.h"

struct image {
	const uint8_t *data; /* borrowed */
	size_t size;
	uint64_t entry;
	uint64_t ap_entry; /* 0: the kernel starts no further processor */
	uint64_t start;	   /* lowest and highest address of the segments, page-aligned */
	uint64_t end;
	uint64_t phoff;
	unsigned phnum;
	/* symbol table, possibly empty */
	const uint8_t *symbols;
	size_t symbol_count;
	const char *names;
	size_t names_size;
};

/* Checks headers, segments (inside [base, base + room), not overlapping the file's end) and symbol
 * table. The data stays borrowed. */
int image_open(struct image *image, const void *data, size_t size, uint64_t base, uint64_t room,
	       struct error *err);

/* Of any ELF program: its symbol table alone, for image_symbol(). The data stays borrowed. */
void image_open_symbols(struct image *image, const void *data, size_t size);

/* Copies the segments to `to`, which stands for image->start and holds end - start zero bytes. */
void image_load(const struct image *image, uint8_t *to);

/* The function that contains the address: its name and the distance from its start. */
const char *image_symbol(const struct image *image, uint64_t address, uint64_t *offset);

/* The value of a symbol, or 0. */
uint64_t image_lookup(const struct image *image, const char *name);

/* The kernel that was built into this program. */
extern const uint8_t kernel_image_start[], kernel_image_end[];
