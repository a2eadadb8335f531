/* help.c - "runsc help": what there is, and how it is used */
#include <stdio.h>
#include <string.h>

#include "vmm/cli/cli.h"
#include "vmm/util/util.h"

static void help_all(void)
{
	printf("usage: runsc [flags] COMMAND [arguments]\n\ncommands:\n");
	for (size_t i = 0; verbs[i]; i++)
		if (!verbs[i]->internal)
			printf("  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\nflags:\n");
	opt_print(global_opts);
	printf("\n\"runsc help COMMAND\" says more.\n");
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
	static const struct opt none[] = {{0}};
	int at = cli_parse(none, NULL, globals, argc, argv, err);
	const struct verb *verb;

	if (at < 0)
		return -1;
	if (at == argc) {
		help_all();
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
	.usage = "[COMMAND]",
	.summary = "say how a command is used",
	.run = help_run,
};
