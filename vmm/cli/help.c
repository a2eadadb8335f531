/* help.c - "runsc help": what there is, and how it is used */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/cli.h"
#include "vmm/kvm/vm.h"
#include "vmm/systrap/calibrate.h"
#include "vmm/util/util.h"

struct help_opts {
	const char *format;
};

static const struct opt help_opts[] = {
	{"format", OPT_CHOICE, offsetof(struct help_opts, format), .choices = "table|json",
	 .help = "of \"help syscalls\""},
	{0},
};

/* Text that the build made: see syscalls_print.c. */
extern const char syscalls_table_start[], syscalls_table_end[];
extern const char syscalls_json_start[], syscalls_json_end[];

static void help_syscalls(const char *format)
{
	if (!strcmp(format, "json"))
		fwrite(syscalls_json_start, 1, syscalls_json_end - syscalls_json_start, stdout);
	else
		fwrite(syscalls_table_start, 1, syscalls_table_end - syscalls_table_start, stdout);
}

static void print_ns(const char *what, uint32_t ns)
{
	if (ns)
		printf("  %-48s %8.2f us\n", what, ns / 1000.0);
	else
		printf("  %-48s not to be had\n", what);
}

/* What decides how the threads of systrap wait for each other. */
static void help_hand_over(void)
{
	struct systrap_figures f;

	systrap_calibrate(&f);
	printf("systrap here: %u CPU%s\n", f.cpus, f.cpus == 1 ? "" : "s");
	print_ns("a word to another CPU and back", f.spin_ns);
	print_ns("waking an idle CPU", f.wake_ns);
	print_ns("a futex hand-over and back on one CPU", f.same_ns);
}

static void help_platforms(const struct globals *globals)
{
	struct error err = {0};
	int fd = -1;

	printf("--platform=PLATFORM chooses what the guest kernel runs on:\n\n"
	       "  kvm      ring 0 of a virtual machine without devices\n"
	       "  systrap  a process of this host; programs run in processes of their own, whose\n"
	       "           system calls come by seccomp or by patched call sites. Needs no KVM. "
	       "One wall less: who\n"
	       "           breaks the guest kernel is in that process, which has no files, no\n"
	       "           network and few system calls\n"
	       "  ptrace   another name of systrap\n"
	       "  auto     kvm if it works (it is tried for at most 100 ms), else systrap; the\n"
	       "           debug log says why, \"runsc list\" says which\n\n");
	if (kvm_open(globals->platform_device, &fd, &err))
		printf("kvm here: %s\n", err.text);
	else
		printf("kvm here: %s opens; whether it works, auto finds out at each start\n",
		       globals->platform_device);
	if (fd >= 0)
		close(fd);
	help_hand_over();
}

static void help_all(void)
{
	printf("usage: runsc [flags] COMMAND [arguments]\n\ncommands:\n");
	for (size_t i = 0; verbs[i]; i++)
		if (!verbs[i]->internal)
			printf("  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\nflags:\n");
	opt_print(global_opts);
	printf("\n\"runsc help COMMAND\" says more, \"runsc help syscalls\" lists the system "
	       "calls.\n");
}

static void help_verb(const struct verb *verb)
{
	printf("usage: runsc [flags] %s %s\n\n%s\n", verb->name, verb->usage, verb->summary);
	if (verb->detail)
		printf("\n%s\n", verb->detail);
	if (verb->opts) {
		printf("\nflags:\n");
		opt_print(verb->opts);
	}
}

static int help_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	struct help_opts o = {.format = "table"};
	int at = cli_parse(help_opts, &o, globals, argc, argv, err);
	const struct verb *verb;

	if (at < 0)
		return -1;
	if (at == argc) {
		help_all();
		return 0;
	}
	if (!strcmp(argv[at], "syscalls")) {
		/* Flags may follow the topic as well. */
		if (cli_parse(help_opts, &o, globals, argc - at, argv + at, err) < 0)
			return -1;
		help_syscalls(o.format);
		return 0;
	}
	if (!strcmp(argv[at], "platforms")) {
		help_platforms(globals);
		return 0;
	}
	verb = cli_find(argv[at]);
	if (!verb)
		return error_set(err, "help: no command \"%.64s\"; \"runsc help\" lists them",
				 argv[at]);
	help_verb(verb);
	return 0;
}

const struct verb verb_help = {
	.name = "help",
	.usage = "[COMMAND | platforms | syscalls [--format=table|json]]",
	.summary = "say how a command is used, or which system calls or platforms there are",
	.opts = help_opts,
	.run = help_run,
};
