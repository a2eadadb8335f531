/* main.c - runsc: finds the verb, runs it, prints what went wrong */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/cli.h"
#include "vmm/util/log.h"
#include "vmm/util/util.h"

/* The one place where a failure becomes a line and an exit status. */
static int die(const struct globals *globals, const struct error *err)
{
	if (globals->log) {
		cleanup_close int fd =
			open(globals->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

		if (fd >= 0)
			log_line(fd, !strcmp(globals->log_format, "json"), 0, err->text);
	}
	fprintf(stderr, "runsc: %s\n", err->text);
	return error_status(err);
}

int main(int argc, char **argv)
{
	static char name[] = "runsc";
	struct globals globals = {
		.platform = "auto",
		.platform_device = "/dev/kvm",
		.network = "none",
		.log_format = "text",
		.watchdog_action = "log",
	};
	const struct opt_table tables[] = {{global_opts, &globals}, {0}};
	struct error err = {0};
	const struct verb *verb;
	int at, status;

	argv[0] = name;
	at = opt_parse(tables, argc, argv, &err);
	if (at < 0)
		return die(&globals, &err);
	if (at >= argc) {
		error_set(&err, "no command given; \"runsc help\" lists the commands");
		return die(&globals, &err);
	}
	verb = cli_find(argv[at]);
	if (!verb) {
		const char *names[16], *near;
		size_t n = 0;

		for (size_t i = 0; verbs[i] && n < ARRAY_SIZE(names) - 1; i++)
			if (!verbs[i]->internal)
				names[n++] = verbs[i]->name;
		names[n] = NULL;
		near = nearest_name(argv[at], names);
		error_set(&err,
			  "unknown command \"%.64s\"%s%s%s; \"runsc help\" lists the commands",
			  argv[at], near ? "; did you mean \"" : "", near ? near : "",
			  near ? "\"?" : "");
		return die(&globals, &err);
	}
	status = verb->run(&globals, argc - at, argv + at, &err);
	return status < 0 ? die(&globals, &err) : status;
}
