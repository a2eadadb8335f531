/* opt.c - the option tables of runsc and of its verbs */
#include "vmm/cli/opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/util/util.h"

#define NAMES_MAX 64

static const struct opt *opt_find(const struct opt_table *tables, const char *name, size_t len,
				  void **values)
{
	for (; tables->opts; tables++)
		for (const struct opt *o = tables->opts; o->name; o++) {
			bool letter = o->letter && len == 1 && *name == o->letter;

			if (letter || (strlen(o->name) == len && !strncmp(o->name, name, len))) {
				*values = tables->values;
				return o;
			}
		}
	return NULL;
}

static int opt_unknown(const struct opt_table *tables, const char *verb, const char *word,
		       const char *name, size_t len, struct error *err)
{
	const char *names[NAMES_MAX];
	const char *near;
	char given[64];
	size_t n = 0;

	for (; tables->opts; tables++)
		for (const struct opt *o = tables->opts; o->name && n < NAMES_MAX - 1; o++)
			names[n++] = o->name;
	names[n] = NULL;
	snprintf(given, sizeof(given), "%.*s", (int)len, name);
	near = nearest_name(given, names);
	if (near)
		return error_set(err, "%s: unknown flag %s; did you mean --%s?", verb, word, near);
	return error_set(err, "%s: unknown flag %s; \"runsc help\" lists the flags", verb, word);
}

static bool choice_valid(const char *choices, const char *value)
{
	size_t len = strlen(value);

	while (*choices) {
		size_t n = strcspn(choices, "|");

		if (n == len && !strncmp(choices, value, n))
			return true;
		choices += n + (choices[n] == '|');
	}
	return false;
}

static int list_add(struct opt_list *list, const char *value, struct error *err)
{
	const char **grown = realloc(list->item, (list->count + 1) * sizeof(*grown));

	if (!grown)
		return error_set(err, "out of memory");
	list->item = grown;
	list->item[list->count++] = value;
	return 0;
}

static int opt_store(const struct opt *o, void *values, const char *verb, const char *value,
		     struct error *err)
{
	void *slot = (char *)values + o->offset;

	switch (o->kind) {
	case OPT_SWITCH:
		if (value && strcmp(value, "true") && strcmp(value, "false"))
			return error_set(err, "%s: --%s takes true or false, not \"%s\"", verb,
					 o->name, value);
		*(bool *)slot = !value || !strcmp(value, "true");
		return 0;
	case OPT_STRING:
		*(const char **)slot = value;
		return 0;
	case OPT_COUNT:
		if (parse_uint(value, UINT32_MAX, slot))
			return error_set(err, "%s: --%s takes a number, not \"%s\"", verb, o->name,
					 value);
		return 0;
	case OPT_SIZE:
		if (parse_size(value, slot))
			return error_set(err, "%s: --%s takes a size as 512M or 2G, not \"%s\"",
					 verb, o->name, value);
		return 0;
	case OPT_CHOICE:
		if (!choice_valid(o->choices, value))
			return error_set(err, "%s: --%s must be one of %s, not \"%s\"", verb,
					 o->name, o->choices, value);
		*(const char **)slot = value;
		return 0;
	case OPT_LIST:
		return list_add(slot, value, err);
	}
	return error_set(err, "%s: --%s has no kind", verb, o->name);
}

int opt_parse(const struct opt_table *tables, int argc, char **argv, struct error *err)
{
	int i;

	for (i = 1; i < argc; i++) {
		const char *word = argv[i], *name = word + 1, *value;
		const struct opt *o;
		void *values;
		size_t len;

		if (word[0] != '-' || !word[1])
			break;
		if (!strcmp(word, "--"))
			return i + 1;
		if (*name == '-')
			name++;
		len = strcspn(name, "=");
		value = name[len] ? name + len + 1 : NULL;
		o = opt_find(tables, name, len, &values);
		if (!o)
			return opt_unknown(tables, argv[0], word, name, len, err);
		if (!value && o->kind != OPT_SWITCH) {
			if (++i >= argc)
				return error_set(err, "%s: --%s needs a value (%s)", argv[0],
						 o->name, o->arg);
			value = argv[i];
		}
		if (opt_store(o, values, argv[0], value, err))
			return -1;
	}
	return i;
}

void opt_print(const struct opt *opts)
{
	for (; opts->name; opts++) {
		char left[64];
		const char *arg = opts->kind == OPT_CHOICE ? opts->choices : opts->arg;

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", opts->letter ? '-' : ' ',
			 opts->letter ? opts->letter : ' ', opts->letter ? ", " : "  ", opts->name,
			 arg ? "=" : "", arg ? arg : "");
		printf("  %-34s %s\n", left, opts->help);
	}
}
