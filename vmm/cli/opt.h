/* opt.h - the option tables of runsc and of its verbs
 *
 * A verb declares its flags once, in a const table that serves parsing, "help VERB" and the
 * suggestion of the nearest spelling. Values land in a struct of the verb's own.
 *
 * Spelling as Go's flag package, which users of runsc know: -name and --name are the same, a value
 * follows after "=" or as the next word, a switch takes "=true" or "=false", and the first word
 * that is no flag (or "--") ends them.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "vmm/util/error.h"

enum opt_kind {
	OPT_SWITCH, /* bool */
	OPT_STRING, /* const char *, points into argv */
	OPT_COUNT,  /* uint64_t, decimal */
	OPT_SIZE,   /* uint64_t, bytes with a unit */
	OPT_CHOICE, /* const char *, one of .choices */
	OPT_LIST,   /* struct opt_list: may be repeated */
};

struct opt_list {
	const char **item; /* owned: free() */
	size_t count;
};

struct opt {
	const char *name;
	enum opt_kind kind;
	size_t offset;	     /* of the value in the verb's struct */
	const char *arg;     /* what the value is called in the help */
	const char *choices; /* OPT_CHOICE: "auto|kvm" */
	const char *help;
	char letter; /* one-letter spelling, or 0 */
};

struct opt_table {
	const struct opt *opts; /* ends with .name NULL */
	void *values;
};

/* Parses argv[1..] by the tables (searched in order, the list ends with .opts NULL). Returns the
 * index of the first word that is no flag, or -1. argv[0] is named in errors. */
int opt_parse(const struct opt_table *tables, int argc, char **argv, struct error *err);

/* One line per flag, as "help" shows them. */
void opt_print(const struct opt *opts);
