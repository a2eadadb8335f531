/* container.h - a container as the host's programs know it, before it becomes a spec blob
 *
 * Filled by config.c from a bundle's config.json, or by "runsc do"; read by blob.c and launch.c.
 * Strings are owned by the struct's arena-like lists and freed by container_free().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/spec.h"
#include "vmm/util/error.h"

struct container_mount {
	uint32_t type;	/* enum abi_mount_type */
	uint32_t flags; /* ABI_MOUNT_* */
	char *dest;	/* path in the container */
	char *source;	/* host path (gofer) or path in the container (bind), or NULL */
	uint32_t mode;
	uint64_t size;
	uint32_t attach; /* gofer attach index, given by container_number() */
};

struct container {
	char *id;
	char **args;
	size_t argc;
	char **env;
	size_t envc;
	char *cwd;
	char *hostname;
	char *domainname;
	uint32_t uid, gid, umask;
	uint32_t *groups;
	size_t nr_groups;
	struct abi_spec_rlimit *rlimits;
	size_t nr_rlimits;
	uint64_t caps[5];
	bool no_new_privs;
	bool terminal;
	struct container_mount *mounts; /* 0 is the root */
	size_t nr_mounts;
	bool root_readonly;
	bool root_overlay;
	bool cwd_exists;       /* a missing cwd is an error */
	uint64_t memory_limit; /* 0: none asked */
	uint64_t pids_limit;   /* 0: none */
};

enum { CAPS_EFFECTIVE, CAPS_PERMITTED, CAPS_INHERITABLE, CAPS_BOUNDING, CAPS_AMBIENT };

void container_free(struct container *c);

/* Appends copies. -1 when out of memory. */
int container_add_arg(struct container *c, const char *arg);
int container_add_env(struct container *c, const char *assignment);
struct container_mount *container_add_mount(struct container *c, uint32_t type, const char *dest,
					    const char *source, uint32_t flags);

/* Numbers the gofer mounts in order; their count. */
unsigned container_number(struct container *c);

/* The blob of abi/spec.h, malloc'ed. */
int container_blob(const struct container *c, uint32_t flags, uint32_t winsize, void **blob,
		   uint32_t *size, struct error *err);
