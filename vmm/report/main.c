/* main.c - turns the code bytes of a report into instructions (capstone)
 *
 * A program of its own, embedded in runsc and started only for a report: capstone's tables would
 * be relocated at each start of runsc, and bytes from a guest's memory are decoded here, where
 * nothing can be done but read, write and end. The command starts it like boot: no root, no
 * rights, no descriptors but the report on 0, the result on 1.
 * Lines other than REPORT_CODE_LINE pass unchanged.
 */
#include <capstone/capstone.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/sandbox/disasm.h"

#define REPORT_MAX (1u << 20)
#define CODE_MAX   256u

static char report[REPORT_MAX + 1];

static void put(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(1, text, len);

		if (n <= 0)
			syscall(SYS_exit, 1);
		text += n;
		len -= n;
	}
}

static size_t read_bytes(const char *p, const char *end, uint8_t *code)
{
	size_t count = 0;

	while (p + 3 <= end && *p == ' ' && count < CODE_MAX) {
		char digits[3] = {p[1], p[2], 0};

		code[count++] = strtoul(digits, NULL, 16);
		p += 3;
	}
	return count;
}

static void put_code(csh handle, const char *line, const char *end)
{
	unsigned long long va, ip;
	uint8_t code[CODE_MAX];
	const char *bytes = memchr(line, ':', end - line);
	cs_insn *insn = NULL;
	size_t len, count;

	if (!bytes || sscanf(line, REPORT_CODE_LINE, &va, &ip) != 2)
		return;
	len = read_bytes(bytes + 1, end, code);
	count = cs_disasm(handle, code, len, va, 0, &insn);
	put("  code:\n", 8);
	for (size_t i = 0; i < count; i++) {
		char text[300];
		int n = snprintf(text, sizeof(text), "  %s %016" PRIx64 "  %s %s\n",
				 insn[i].address == ip ? "->" : "  ", insn[i].address,
				 insn[i].mnemonic, insn[i].op_str);

		put(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
	}
	if (insn)
		cs_free(insn, count);
}

int main(void)
{
	static const uint8_t nop = 0x90;
	cs_insn *insn = NULL;
	size_t size = 0;
	csh handle;
	ssize_t n;

	while (size < REPORT_MAX && (n = read(0, report + size, REPORT_MAX - size)) > 0)
		size += n;
	/* The heap must neither grow nor shrink once only read, write and exit are left. */
	mallopt(M_TOP_PAD, 8 << 20);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_MMAP_MAX, 0);
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return 1;
	cs_option(handle, CS_OPT_SKIPDATA, CS_OPT_ON);
	/* The first use asks the system for things that later uses know. */
	cs_disasm(handle, &nop, 1, 0, 0, &insn);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 1;
	for (char *line = report; line < report + size;) {
		char *end = memchr(line, '\n', report + size - line);
		size_t len = (end ? end : report + size - 1) + 1 - line;

		put(line, len);
		if (!strncmp(line, REPORT_CODE_PREFIX, strlen(REPORT_CODE_PREFIX)))
			put_code(handle, line, line + len);
		line += len;
	}
	syscall(SYS_exit, 0);
}
