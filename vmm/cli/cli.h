/* cli.h - the verbs of runsc and the flags they share */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "vmm/cli/opt.h"
#include "vmm/util/error.h"

/* Flags before the verb; accepted behind it too. */
struct globals {
	const char *platform; /* auto, kvm, systrap or ptrace */
	const char *platform_device;
	const char *network;
	const char *root;
	const char *log;
	const char *log_format;
	const char *debug_log;
	const char *watchdog_action;
	bool debug;
	bool strace;
	bool count_host;
	bool allow_meltdown;
	bool no_patching;
	uint64_t cpus;	 /* 0: as many as this process may use */
	uint64_t memory; /* 0: the host's */
};

struct verb {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line */
	const char *detail;  /* more lines for "help VERB", or NULL */
	const struct opt *opts;
	bool internal; /* not listed */
	/* argv[0] is the verb. Returns the exit status, or -1 with err. */
	int (*run)(struct globals *globals, int argc, char **argv, struct error *err);
};

extern const struct opt global_opts[];
extern const struct verb *const verbs[]; /* ends with NULL */

extern const struct verb verb_boot, verb_debug, verb_do, verb_gofer, verb_help, verb_kill,
	verb_list, verb_run, verb_spec;

/* Parses a verb's flags; global flags are known too. Index of the first other word, or -1. */
int cli_parse(const struct opt *opts, void *values, struct globals *globals, int argc, char **argv,
	      struct error *err);

const struct verb *cli_find(const char *name);

/* --root, or its default written to buf. */
const char *cli_root(const struct globals *globals, char *buf, size_t size);
