/* cli.c - the verbs of runsc and the flags they share */
#include "vmm/cli/cli.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "vmm/oci/state.h"

#define G(field) offsetof(struct globals, field)

const struct opt global_opts[] = {
	{"platform", OPT_CHOICE, G(platform), .choices = "auto|kvm|systrap|ptrace",
	 .help = "what the sandbox runs on; see \"runsc help platforms\""},
	{"platform_device_path", OPT_STRING, G(platform_device), "FILE",
	 .help = "the KVM device (/dev/kvm)"},
	{"network", OPT_CHOICE, G(network), .choices = "none", .help = "network of the container"},
	{"root", OPT_STRING, G(root), "DIR", .help = "where running containers are kept"},
	{"log", OPT_STRING, G(log), "FILE", .help = "errors are written there too"},
	{"log-format", OPT_CHOICE, G(log_format), .choices = "text|json",
	 .help = "of --log and --debug-log"},
	{"debug", OPT_SWITCH, G(debug), .help = "log what the guest kernel does"},
	{"debug-log", OPT_STRING, G(debug_log), "FILE",
	 .help = "where --debug and --strace go (standard error)"},
	{"strace", OPT_SWITCH, G(strace), .help = "log the system calls of the container"},
	{"cpus", OPT_COUNT, G(cpus), "N", .help = "at most so many processors"},
	{"memory", OPT_SIZE, G(memory), "SIZE", .help = "memory of the sandbox (the machine's)"},
	{"watchdog-action", OPT_CHOICE, G(watchdog_action), .choices = "log|panic",
	 .help = "when a processor is stuck in the kernel"},
	{"count-host", OPT_SWITCH, G(count_host),
	 .help = "for measuring: no halt polling, no optional timers"},
	{"systrap-disable-syscall-patching", OPT_SWITCH, G(no_patching),
	 .help = "systrap: leave the code of programs as it is; slower"},
	{"allow-meltdown", OPT_SWITCH, G(allow_meltdown),
	 .help = "run on a CPU where programs can read the guest kernel's memory"},
	{0},
};

const struct verb *const verbs[] = {
	&verb_do,   &verb_run,	&verb_spec, &verb_debug, &verb_list,
	&verb_kill, &verb_help, &verb_boot, &verb_gofer, NULL,
};

int cli_parse(const struct opt *opts, void *values, struct globals *globals, int argc, char **argv,
	      struct error *err)
{
	const struct opt_table tables[] = {{opts, values}, {global_opts, globals}, {0}};

	return opt_parse(tables, argc, argv, err);
}

const struct verb *cli_find(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

const char *cli_root(const struct globals *globals, char *buf, size_t size)
{
	if (!globals->root)
		return state_default_root(buf, size);
	snprintf(buf, size, "%s", globals->root);
	return buf;
}
