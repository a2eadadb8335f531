/* report.c - the report of a guest kernel's death, as the command writes it
 *
 * The text comes from boot and with it from the guest. The part that decodes machine code is
 * another program (vmm/report), started in the same jail as boot; if that fails, the report is
 * written with the bytes only.
 */
#include "vmm/cli/report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/cli/symbols.h"
#include "vmm/jail/jail.h"
#include "vmm/util/util.h"

#define REPORT_MAX (1u << 20)

extern const char report_program_start[], report_program_end[];

void report_add(struct report *r, const char *text, size_t len)
{
	char *grown;

	if (len > REPORT_MAX - r->len)
		return;
	grown = realloc(r->text, r->len + len);
	if (!grown)
		return;
	memcpy(grown + r->len, text, len);
	r->text = grown;
	r->len += len;
}

static int memfd_with(const char *name, const char *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && !write_all(fd, data, len) && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int report_disassemble(const struct report *r, int out)
{
	cleanup_close int program = memfd_with("runsc-report", report_program_start,
					       report_program_end - report_program_start);
	cleanup_close int in = memfd_with("report", r->text, r->len);
	const int fds[] = {in, out, -1};
	struct jail_program prog = {
		.verb = "report",
		.exe_fd = program,
		.fds = fds,
		.nr_fds = ARRAY_SIZE(fds),
	};
	struct jail_process proc;
	struct error err;
	int status;

	if (program < 0 || in < 0)
		return -1;
	if (jail_start(&prog, &proc, &err) || jail_started(&proc, &err)) {
		jail_end(&proc, true);
		return -1;
	}
	status = jail_end(&proc, false);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

/* The report with names for addresses of this program; without room for it, as it is. */
static struct report with_names(const struct report *r)
{
	struct report named = {0};
	FILE *out = open_memstream(&named.text, &named.len);

	if (!out)
		return named;
	symbols_write(out, r->text, r->len);
	if (fclose(out)) {
		free(named.text);
		named.text = NULL;
	}
	return named;
}

static int write_report(const struct report *r, const char *path, int append)
{
	cleanup_close int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0600);
	off_t start = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;

	if (fd < 0 || start < 0)
		return -1;
	if (!report_disassemble(r, fd))
		return 0;
	return ftruncate(fd, start) || write_all(fd, r->text, r->len) ? -1 : 0;
}

int report_write(const struct report *r, const char *path, int append)
{
	struct report named = with_names(r);
	int rc = write_report(named.text ? &named : r, path, append);

	free(named.text);
	return rc;
}
