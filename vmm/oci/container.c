/* container.c - a container as the host's programs know it */
#include "vmm/oci/container.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/util/util.h"

static void free_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void container_free(struct container *c)
{
	free_list(c->args, c->argc);
	free_list(c->env, c->envc);
	for (size_t i = 0; i < c->nr_mounts; i++) {
		free(c->mounts[i].dest);
		free(c->mounts[i].source);
	}
	free(c->mounts);
	free(c->id);
	free(c->cwd);
	free(c->hostname);
	free(c->domainname);
	free(c->groups);
	free(c->rlimits);
	memset(c, 0, sizeof(*c));
}

static int list_add(char ***list, size_t *count, const char *text)
{
	char **grown = realloc(*list, (*count + 1) * sizeof(*grown));

	if (!grown)
		return -1;
	*list = grown;
	grown[*count] = strdup(text);
	if (!grown[*count])
		return -1;
	++*count;
	return 0;
}

int container_add_arg(struct container *c, const char *arg)
{
	return list_add(&c->args, &c->argc, arg);
}

int container_add_env(struct container *c, const char *assignment)
{
	size_t name = strcspn(assignment, "=") + 1;

	for (size_t i = 0; i < c->envc; i++) {
		char *copy;

		if (strncmp(c->env[i], assignment, name))
			continue;
		copy = strdup(assignment);
		if (!copy)
			return -1;
		free(c->env[i]);
		c->env[i] = copy;
		return 0;
	}
	return list_add(&c->env, &c->envc, assignment);
}

struct container_mount *container_add_mount(struct container *c, uint32_t type, const char *dest,
					    const char *source, uint32_t flags)
{
	struct container_mount *grown = realloc(c->mounts, (c->nr_mounts + 1) * sizeof(*grown));
	struct container_mount *m;

	if (!grown)
		return NULL;
	c->mounts = grown;
	m = &grown[c->nr_mounts];
	*m = (struct container_mount){.type = type, .flags = flags};
	m->dest = strdup(dest);
	m->source = source ? strdup(source) : NULL;
	if (!m->dest || (source && !m->source)) {
		free(m->dest);
		free(m->source);
		return NULL;
	}
	c->nr_mounts++;
	return m;
}

unsigned container_number(struct container *c)
{
	unsigned next = 0;

	for (size_t i = 0; i < c->nr_mounts; i++)
		if (c->mounts[i].type == ABI_MOUNT_GOFER)
			c->mounts[i].attach = next++;
	return next;
}
