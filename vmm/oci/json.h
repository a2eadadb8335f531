/* json.h - typed access to JSON with errors that name the field */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "vmm/util/error.h"

/* Where a value lies: the error texts print the chain as "process.args[2]". */
struct json_at {
	const struct json_at *up;
	const char *name; /* NULL: an element of an array */
	size_t index;
	json_t *value; /* NULL: absent */
};

/* A member of an object; absent members give .value NULL. */
struct json_at json_member(const struct json_at *object, const char *name);
struct json_at json_element(const struct json_at *array, size_t index);

/* Error "config.json: PATH TEXT". Returns -1. */
int json_fault(const struct json_at *at, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Checks the type; an absent (or null) value is 0 unless required. */
int json_check(const struct json_at *at, json_type type, bool required, struct error *err);

/* Absent: *out stays. Strings are borrowed and hold no NUL byte. */
int json_get_string(const struct json_at *at, bool required, const char **out, struct error *err);
int json_get_bool(const struct json_at *at, bool *out, struct error *err);
int json_get_uint(const struct json_at *at, uint64_t max, uint64_t *out, struct error *err);
