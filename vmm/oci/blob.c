/* blob.c - turns a container into the flat blob of abi/spec.h
 *
 * Two passes over the same code: the first only counts, the second writes.
 * Tests: test/unit/vmm/blob_test.c
 */
#include <stdlib.h>
#include <string.h>

#include "vmm/oci/container.h"
#include "vmm/util/util.h"

#define BLOB_MAX (16u << 20)

struct blob {
	uint8_t *base; /* NULL: counting */
	uint64_t used;
};

static uint32_t blob_put(struct blob *b, const void *data, uint64_t len, uint64_t align)
{
	uint64_t at = round_up(b->used, align);

	if (b->base && len)
		memcpy(b->base + at, data, len);
	b->used = at + len;
	return at;
}

static uint32_t blob_string(struct blob *b, const char *text)
{
	return blob_put(b, text ? text : "", text ? strlen(text) + 1 : 1, 1);
}

static uint32_t blob_strings(struct blob *b, char *const *list, size_t count)
{
	uint32_t at = b->used;

	for (size_t i = 0; i < count; i++)
		blob_string(b, list[i]);
	return at;
}

static void blob_mounts(struct blob *b, const struct container *c, struct abi_spec *spec)
{
	struct abi_spec_mount zero = {0};
	uint64_t table = round_up(b->used, 8);

	spec->nr_mounts = c->nr_mounts;
	spec->mounts = table;
	for (size_t i = 0; i < c->nr_mounts; i++)
		blob_put(b, &zero, sizeof(zero), 8);
	for (size_t i = 0; i < c->nr_mounts; i++) {
		const struct container_mount *m = &c->mounts[i];
		struct abi_spec_mount out = {
			.type = m->type,
			.flags = m->flags,
			.attach = m->attach,
			.mode = m->mode,
			.size = m->size,
		};

		out.dest = blob_string(b, m->dest);
		out.source = blob_string(b, m->source);
		if (b->base)
			memcpy(b->base + table + i * sizeof(out), &out, sizeof(out));
	}
}

static void blob_write(struct blob *b, const struct container *c, struct abi_spec *spec)
{
	b->used = sizeof(*spec);
	spec->nr_rlimits = c->nr_rlimits;
	spec->rlimits = blob_put(b, c->rlimits, c->nr_rlimits * sizeof(*c->rlimits), 8);
	spec->nr_groups = c->nr_groups;
	spec->groups = blob_put(b, c->groups, c->nr_groups * sizeof(*c->groups), 4);
	blob_mounts(b, c, spec);
	spec->argc = c->argc;
	spec->argv = blob_strings(b, c->args, c->argc);
	spec->envc = c->envc;
	spec->envp = blob_strings(b, c->env, c->envc);
	spec->cwd = blob_string(b, c->cwd ? c->cwd : "/");
	spec->hostname = blob_string(b, c->hostname);
	spec->domainname = blob_string(b, c->domainname);
	spec->size = b->used;
	if (b->base)
		memcpy(b->base, spec, sizeof(*spec));
}

int container_blob(const struct container *c, uint32_t flags, uint32_t winsize, void **blob,
		   uint32_t *size, struct error *err)
{
	struct abi_spec spec = {
		.version = ABI_SPEC_VERSION,
		.flags = flags | (c->terminal ? ABI_SPEC_TTY : 0) |
			 (c->root_readonly ? ABI_SPEC_ROOT_RO : 0) |
			 (c->root_overlay ? ABI_SPEC_ROOT_OVERLAY : 0) |
			 (c->no_new_privs ? ABI_SPEC_NO_NEW_PRIVS : 0) |
			 (c->cwd_exists ? ABI_SPEC_CWD_EXISTS : 0),
		.uid = c->uid,
		.gid = c->gid,
		.umask = c->umask,
		.nr_fds = 3,
		.pids_limit = c->pids_limit,
		.winsize = winsize,
	};
	struct blob b = {0};

	memcpy(spec.caps, c->caps, sizeof(spec.caps));
	blob_write(&b, c, &spec);
	if (b.used > BLOB_MAX)
		return error_set(err, "the program's arguments and environment are too long");
	b.base = calloc(1, b.used);
	if (!b.base)
		return error_set(err, "out of memory");
	blob_write(&b, c, &spec);
	*blob = b.base;
	*size = b.used;
	return 0;
}
