/* json.c - typed access to JSON with errors that name the field */
#include "vmm/oci/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/util/util.h"

static const char *const type_names[] = {
	[JSON_OBJECT] = "an object",	[JSON_ARRAY] = "an array",  [JSON_STRING] = "a string",
	[JSON_INTEGER] = "a number",	[JSON_REAL] = "a fraction", [JSON_TRUE] = "true or false",
	[JSON_FALSE] = "true or false", [JSON_NULL] = "null",
};

struct json_at json_member(const struct json_at *object, const char *name)
{
	json_t *value = json_object_get(object->value, name);

	return (struct json_at){
		.up = object,
		.name = name,
		.value = json_is_null(value) ? NULL : value,
	};
}

struct json_at json_element(const struct json_at *array, size_t index)
{
	return (struct json_at){
		.up = array,
		.index = index,
		.value = json_array_get(array->value, index),
	};
}

static size_t json_path(const struct json_at *at, char *buf, size_t size)
{
	size_t used = at->up ? json_path(at->up, buf, size) : 0;

	if (used >= size)
		return used;
	if (at->up && !at->name)
		return used + snprintf(buf + used, size - used, "[%zu]", at->index);
	if (at->name)
		return used + snprintf(buf + used, size - used, "%s%s", used ? "." : "", at->name);
	return used;
}

int json_fault(const struct json_at *at, struct error *err, const char *fmt, ...)
{
	char path[256] = "", text[512];
	va_list ap;

	json_path(at, path, sizeof(path));
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(err, "config.json: %s %s", *path ? path : "the document", text);
}

int json_check(const struct json_at *at, json_type type, bool required, struct error *err)
{
	bool boolean = type == JSON_TRUE;

	if (!at->value)
		return required ? json_fault(at, err, "is missing: %s is needed", type_names[type])
				: 0;
	if (boolean ? !json_is_boolean(at->value) : json_typeof(at->value) != type)
		return json_fault(at, err, "must be %s, not %s", type_names[type],
				  type_names[json_typeof(at->value)]);
	return 0;
}

int json_get_string(const struct json_at *at, bool required, const char **out, struct error *err)
{
	if (json_check(at, JSON_STRING, required, err))
		return -1;
	if (at->value && strlen(json_string_value(at->value)) != json_string_length(at->value))
		return json_fault(at, err, "holds a NUL character");
	if (at->value)
		*out = json_string_value(at->value);
	return 0;
}

int json_get_bool(const struct json_at *at, bool *out, struct error *err)
{
	if (json_check(at, JSON_TRUE, false, err))
		return -1;
	if (at->value)
		*out = json_is_true(at->value);
	return 0;
}

int json_get_uint(const struct json_at *at, uint64_t max, uint64_t *out, struct error *err)
{
	json_int_t value;

	if (json_check(at, JSON_INTEGER, false, err))
		return -1;
	if (!at->value)
		return 0;
	value = json_integer_value(at->value);
	if (value < 0 || (uint64_t)value > max)
		return json_fault(at, err, "must be from 0 to %llu", (unsigned long long)max);
	*out = value;
	return 0;
}
