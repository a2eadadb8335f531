/* config_mounts.c - the mounts of config.json
 *
 * A bind mount becomes a mount of the container's file server, which asks the host again for names
 * and attributes (shared). A tmpfs on /dev becomes the kernel's own device directory, because the
 * specification promises the usual devices there. Options without meaning here (relatime,
 * newinstance, ...) are ignored.
 */
#include "vmm/oci/config_mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/oci/config.h"
#include "vmm/util/util.h"

static const struct {
	const char *name;
	uint32_t type;
} mount_types[] = {
	{"tmpfs", ABI_MOUNT_TMPFS},	{"proc", ABI_MOUNT_PROC},     {"sysfs", ABI_MOUNT_SYSFS},
	{"devpts", ABI_MOUNT_DEVPTS},	{"mqueue", ABI_MOUNT_MQUEUE}, {"cgroup", ABI_MOUNT_CGROUP2},
	{"cgroup2", ABI_MOUNT_CGROUP2}, {"devtmpfs", ABI_MOUNT_DEV},
};

static const struct {
	const char *name;
	uint32_t set, clear;
} mount_options[] = {
	{"ro", ABI_MOUNT_RDONLY, 0},	 {"rw", 0, ABI_MOUNT_RDONLY},
	{"nosuid", ABI_MOUNT_NOSUID, 0}, {"suid", 0, ABI_MOUNT_NOSUID},
	{"nodev", ABI_MOUNT_NODEV, 0},	 {"dev", 0, ABI_MOUNT_NODEV},
	{"noexec", ABI_MOUNT_NOEXEC, 0}, {"exec", 0, ABI_MOUNT_NOEXEC},
};

struct options {
	uint32_t flags;
	uint32_t mode;
	uint64_t size;
	bool bind;
};

int config_join(char *buf, size_t size, const char *bundle, const char *path)
{
	int n = *path == '/' ? snprintf(buf, size, "%s", path)
			     : snprintf(buf, size, "%s/%s", bundle, path);

	return n < 0 || (size_t)n >= size ? -1 : 0;
}

static int parse_option(const struct json_at *at, const char *text, struct options *o,
			struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++)
		if (!strcmp(text, mount_options[i].name))
			o->flags = (o->flags & ~mount_options[i].clear) | mount_options[i].set;
	if (!strcmp(text, "bind") || !strcmp(text, "rbind"))
		o->bind = true;
	if (!strncmp(text, "size=", 5) && parse_size(text + 5, &o->size))
		return json_fault(at, err, "has a malformed size: \"%.40s\"", text);
	if (!strncmp(text, "mode=", 5)) {
		char *end;
		unsigned long mode = strtoul(text + 5, &end, 8);

		if (!text[5] || *end || mode > 07777)
			return json_fault(at, err, "has a malformed mode: \"%.40s\"", text);
		o->mode = mode;
	}
	return 0;
}

static int parse_options(const struct json_at *mount, struct options *o, struct error *err)
{
	struct json_at list = json_member(mount, "options");

	if (json_check(&list, JSON_ARRAY, false, err))
		return -1;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct json_at at = json_element(&list, i);
		const char *text = NULL;

		if (json_get_string(&at, true, &text, err) || parse_option(&at, text, o, err))
			return -1;
	}
	return 0;
}

static int mount_type(const struct json_at *at, const char *name, const char *dest,
		      const struct options *o, uint32_t *type, struct error *err)
{
	if (o->bind || (name && !strcmp(name, "bind"))) {
		*type = ABI_MOUNT_GOFER;
		return 0;
	}
	if (!name)
		return json_fault(at, err, "is missing: a type or the option \"bind\" is needed");
	for (size_t i = 0; i < ARRAY_SIZE(mount_types); i++)
		if (!strcmp(name, mount_types[i].name)) {
			*type = mount_types[i].type;
			if (*type == ABI_MOUNT_TMPFS && !strcmp(dest, "/dev"))
				*type = ABI_MOUNT_DEV;
			return 0;
		}
	return json_fault(at, err, "is no file system that this program has: \"%.40s\"", name);
}

static int parse_mount(struct container *c, const struct json_at *at, const char *bundle,
		       struct error *err)
{
	struct json_at dest_at = json_member(at, "destination");
	struct json_at type_at = json_member(at, "type"), source_at = json_member(at, "source");
	const char *dest = NULL, *name = NULL, *source = NULL;
	char joined[PATH_MAX] = "";
	struct options o = {0};
	struct container_mount *m;
	uint32_t type = 0;

	if (json_check(at, JSON_OBJECT, true, err) || json_get_string(&dest_at, true, &dest, err) ||
	    json_get_string(&type_at, false, &name, err) ||
	    json_get_string(&source_at, false, &source, err) || parse_options(at, &o, err))
		return -1;
	if (*dest != '/')
		return json_fault(&dest_at, err, "must be an absolute path, not \"%.100s\"", dest);
	if (mount_type(&type_at, name, dest, &o, &type, err))
		return -1;
	if (type == ABI_MOUNT_GOFER && (!source || !*source))
		return json_fault(&source_at, err, "is missing: a bind mount needs it");
	if (type == ABI_MOUNT_GOFER && config_join(joined, sizeof(joined), bundle, source))
		return json_fault(&source_at, err, "is too long");
	m = container_add_mount(c, type, dest, *joined ? joined : NULL,
				o.flags | (type == ABI_MOUNT_GOFER ? ABI_MOUNT_SHARED : 0));
	if (!m)
		return error_set(err, "out of memory");
	m->mode = o.mode;
	m->size = o.size;
	return 0;
}

int config_mounts(struct container *c, const struct json_at *top, const char *bundle,
		  struct error *err)
{
	struct json_at list = json_member(top, "mounts");

	if (json_check(&list, JSON_ARRAY, false, err))
		return -1;
	if (json_array_size(list.value) > 200)
		return json_fault(&list, err, "has more than 200 entries");
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct json_at at = json_element(&list, i);

		if (parse_mount(c, &at, bundle, err))
			return -1;
	}
	return 0;
}

int config_check_paths(struct container *c, struct error *err)
{
	for (size_t i = 0; i < c->nr_mounts; i++) {
		struct container_mount *m = &c->mounts[i];
		struct stat st;

		if (m->type != ABI_MOUNT_GOFER)
			continue;
		if (stat(m->source, &st))
			return i ? error_sys(err, "config.json: mounts: the source %s of %s",
					     m->source, m->dest)
				 : error_sys(err, "config.json: root.path: the container's root %s",
					     m->source);
		if (i == 0 && !S_ISDIR(st.st_mode))
			return error_set(err, "config.json: root.path: %s is not a directory",
					 m->source);
		if (!S_ISDIR(st.st_mode))
			m->flags |= ABI_MOUNT_FILE;
	}
	return 0;
}
