/* syscalls_print.c - prints the list of system calls, at build time
 *
 * runsc carries what this prints as text ("help syscalls"), because a table of pointers would be
 * relocated at each of its starts. argv[1]: table or json. */
#include <stdio.h>
#include <string.h>

#include "tools/gen/syscall_list.h"

static const char *const status_names[] = {
	[SYSCALL_IMPL] = "full",
	[SYSCALL_PARTIAL] = "partial",
	[SYSCALL_ENOSYS] = "none",
};

static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_json(void)
{
	printf("[\n");
	for (unsigned i = 0; i < syscall_list_count; i++) {
		const struct syscall_entry *e = &syscall_list[i];

		printf("  {\"number\": %u, \"name\": \"%s\", \"support\": \"%s\", \"note\": ",
		       e->nr, e->name, status_names[e->status]);
		print_json_string(e->reason);
		printf("}%s\n", i + 1 < syscall_list_count ? "," : "");
	}
	printf("]\n");
}

static void print_table(void)
{
	printf("%-4s %-26s %-8s %s\n", "NUM", "NAME", "SUPPORT", "NOTE");
	for (unsigned i = 0; i < syscall_list_count; i++) {
		const struct syscall_entry *e = &syscall_list[i];

		printf("%-4u %-26s %-8s %s\n", e->nr, e->name, status_names[e->status], e->reason);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "json"))
		print_json();
	else
		print_table();
	return 0;
}
