/* report.c - what is known when the guest kernel dies
 *
 * Provides: registers, symbolised backtrace, code around the instruction pointer and the kernel's
 *   own last words of the vCPU that died; registers and backtrace of the others.
 * The kernel of the hosted machine is a part of this process: its addresses are told as those of
 *   the program (vmm/util/program.h), and only a CPU that faulted has registers to tell.
 * Trust: guest memory is read through the vCPU's own page tables, each word once, bounded steps.
 */
#include "vmm/sandbox/sandbox.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/kvm/arch.h"
#include "vmm/sandbox/disasm.h"
#include "vmm/systrap/fault.h"
#include "vmm/util/program.h"
#include "vmm/util/util.h"

#define FRAMES_MAX 32
#define CODE_BYTES 64u

static bool guest_read(struct sandbox *sb, struct vcpu *cpu, uint64_t va, void *to, size_t len)
{
	uint64_t gpa;
	void *p;

	if (sb->vm.systrap)
		return program_read(va, to, len);
	gpa = arch_vcpu_translate(cpu, va);
	p = gpa && (va & 4095) + len <= 4096 ? vm_memory(&sb->vm, gpa, len) : NULL;

	if (p)
		memcpy(to, p, len);
	return p;
}

/* What is known of an address of the kernel, behind a blank; or nothing. */
static void report_name(struct sandbox *sb, FILE *out, uint64_t va)
{
	const char *name;
	uint64_t off;

	if (sb->vm.systrap && program_offset(va, &off))
		fprintf(out, " " PROGRAM_WORD, program_build(), (unsigned long long)off);
	name = sb->vm.systrap ? NULL : image_symbol(&sb->image, va, &off);
	if (name)
		fprintf(out, " %s+%#llx", name, (unsigned long long)off);
}

static void report_address(struct sandbox *sb, FILE *out, uint64_t va)
{
	fprintf(out, "    %016llx", (unsigned long long)va);
	report_name(sb, out, va);
	fputc('\n', out);
}

static void report_backtrace(struct sandbox *sb, FILE *out, struct vcpu *cpu,
			     const struct arch_frame *at)
{
	uint64_t fp = at->fp;

	fprintf(out, "  backtrace:\n");
	report_address(sb, out, at->ip);
	for (int i = 0; i < FRAMES_MAX; i++) {
		uint64_t link[2];

		if (fp % 8 || !guest_read(sb, cpu, fp, link, sizeof(link)) || !link[1])
			break;
		report_address(sb, out, link[1]);
		/* Stacks grow down: a chain that does not climb is no chain. */
		if (link[0] <= fp)
			break;
		fp = link[0];
	}
}

static void report_code(struct sandbox *sb, FILE *out, struct vcpu *cpu, uint64_t ip)
{
	uint64_t off, from = ip > CODE_BYTES ? ip - CODE_BYTES / 2 : ip;
	uint8_t code[CODE_BYTES];
	size_t len = CODE_BYTES;

	/* Decode from a function's start where it is near: x86 cannot be read backwards. */
	if (image_symbol(&sb->image, ip, &off) && off < CODE_BYTES / 2)
		from = ip - off;
	if ((from & 4095) + len > 4096)
		len = 4096 - (from & 4095);
	if (from + len <= ip || !guest_read(sb, cpu, from, code, len)) {
		fprintf(out, "  code: not readable\n");
		return;
	}
	/* The command that writes the report has this line disassembled, in a process of its own.
	 */
	fprintf(out, REPORT_CODE_LINE, (unsigned long long)from, (unsigned long long)ip);
	for (size_t i = 0; i < len; i++)
		fprintf(out, " %02x", code[i]);
	fprintf(out, "\n");
}

void report_cpu(struct sandbox *sb, FILE *out, struct vcpu *cpu)
{
	struct arch_frame at;

	fprintf(out, "processor %u:\n", cpu->index);
	if (sb->vm.systrap && fault_registers(cpu, out, &at)) {
		fprintf(out,
			"  a thread of the sandbox process that did not fault: its registers are "
			"not known\n");
		return;
	}
	if (!sb->vm.systrap && arch_vcpu_registers(cpu, out, &at)) {
		fprintf(out, "  registers cannot be read\n");
		return;
	}
	if (at.user) {
		fprintf(out, "  in user mode\n");
		return;
	}
	report_backtrace(sb, out, cpu, &at);
	report_code(sb, out, cpu, at.ip);
}

void report_text(struct sandbox *sb, FILE *out, const char *text, uint32_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *line_end = memchr(text, '\n', end - text);
		size_t n = line_end ? line_end - text : end - text;
		const char *mark = memmem(text, n, "[<", 2);
		char digits[17] = "", *stop = digits;
		uint64_t va;

		if (mark && mark + 20 <= text + n)
			memcpy(digits, mark + 2, 16);
		va = strtoull(digits, &stop, 16);
		fprintf(out, "%.*s", (int)n, text);
		if (stop == digits + 16)
			report_name(sb, out, va);
		fputc('\n', out);
		text += n + 1;
	}
}

static void report_panic(struct sandbox *sb, FILE *out)
{
	if (!sb->panic_text)
		return;
	fprintf(out, "the kernel's last words:\n");
	report_text(sb, out, sb->panic_text, sb->panic_len);
	fprintf(out, "called from:\n");
	for (size_t i = 0; i < ARRAY_SIZE(sb->panic_trace); i++)
		if (sb->panic_trace[i])
			report_address(sb, out, sb->panic_trace[i]);
}

void report_send(struct sandbox *sb, bool readable)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		fprintf(out, "guest kernel died on processor %u: %s\n", sb->dead_cpu, sb->why);
		report_panic(sb, out);
		if (readable)
			report_cpu(sb, out, &sb->vm.cpu[sb->dead_cpu]);
		for (unsigned i = 0; i < sb->vm.cpu_count; i++)
			if (i != sb->dead_cpu && !sb->vm.systrap && vcpu_pause(&sb->vm.cpu[i], 200))
				report_cpu(sb, out, &sb->vm.cpu[i]);
		fclose(out);
		boot_send(BOOT_FD_CONTROL, BOOT_MSG_REPORT, 0, text, size);
	}
	boot_send(BOOT_FD_CONTROL, BOOT_MSG_PANIC, EXIT_GUEST_PANIC, sb->why, strlen(sb->why));
	_exit(0);
}
