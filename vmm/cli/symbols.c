/* symbols.c - names for addresses of this program
 *
 * The symbol table is read from /proc/self/exe when first needed. A stripped program, or text from
 * another build, goes without names.
 */
#include "vmm/cli/symbols.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/sandbox/image.h"
#include "vmm/util/program.h"
#include "vmm/util/util.h"

static const struct image *own_symbols(void)
{
	static struct image image;
	static bool tried;
	cleanup_close int fd = -1;
	struct stat st;
	void *p;

	if (tried)
		return &image;
	tried = true;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return &image;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED)
		image_open_symbols(&image, p, st.st_size);
	return &image;
}

/* The offset that a PROGRAM_WORD of this build tells, its end in *end; 0: it is none. */
static uint64_t word_offset(const char *word, size_t len, size_t *end)
{
	char copy[40] = "";
	unsigned long long offset = 0;
	unsigned build;
	int n = 0;

	memcpy(copy, word, len < sizeof(copy) - 1 ? len : sizeof(copy) - 1);
	if (sscanf(copy, PROGRAM_PREFIX "%8x]+0x%12llx%n", &build, &offset, &n) != 2 ||
	    build != program_build())
		return 0;
	*end = n;
	return offset;
}

void symbols_write(FILE *out, const char *text, size_t len)
{
	while (len) {
		const char *word = memmem(text, len, PROGRAM_PREFIX, strlen(PROGRAM_PREFIX));
		size_t n = word ? (size_t)(word - text) : len, end = strlen(PROGRAM_PREFIX);
		const char *name = NULL;
		uint64_t at, off;

		fwrite(text, 1, n, out);
		text += n;
		len -= n;
		if (!word)
			break;
		at = word_offset(text, len, &end);
		if (at)
			name = image_symbol(own_symbols(), at, &off);
		fwrite(text, 1, end, out);
		if (name)
			fprintf(out, " %s+%#llx", name, (unsigned long long)off);
		text += end;
		len -= end;
	}
}
