/* layout.h - one comparison of abi/ with the system's headers; the tables are written by
 * layout_gen.py */
#pragma once

#include <stddef.h>

struct layout_entry {
	const char *name; /* NULL ends the table */
	const char *what; /* the system's name; NULL: it has none, and layout_names.py gives no
			     reason */
	long long ours, theirs;
};

extern const struct layout_entry layout_entries[];
extern const char layout_header[];

#define LAYOUT_CONSTANT(ours, theirs)                                  \
	{                                                              \
#ours, #theirs, (long long)(ours), (long long)(theirs) \
	}
#define LAYOUT_MISSING(ours)      \
	{                         \
#ours, NULL, 0, 0 \
	}
#define LAYOUT_SIZE(ours, theirs)                                      \
	{                                                              \
		"sizeof " #ours, #theirs, sizeof(ours), sizeof(theirs) \
	}
/* Where it is and how long, in one number. */
#define LAYOUT_PLACE(type, field) \
	((long long)offsetof(type, field) << 32 | (long long)sizeof(((type *)0)->field))
#define LAYOUT_FIELD(ours, field, theirs, their_field)                                 \
	{                                                                              \
#ours "." #field, #theirs "." #their_field, LAYOUT_PLACE(ours, field), \
			LAYOUT_PLACE(theirs, their_field)                              \
	}
#define LAYOUT_OFFSET(ours, field, theirs, their_field)                            \
	{                                                                          \
#ours "." #field, #theirs "." #their_field, offsetof(ours, field), \
			offsetof(theirs, their_field)                              \
	}
/* A name that both have: our value is the text of our header. */
#define LAYOUT_VALUE(name, ours)                                   \
	{                                                          \
#name, #name, (long long)(ours), (long long)(name) \
	}
