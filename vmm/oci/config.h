/* config.h - a bundle's config.json (OCI runtime specification 1.0) */
#pragma once
#include <stddef.h>
#include "vmm/oci/container.h"

/* Reads BUNDLE/config.json into c (zeroed by the caller, freed by it also after an error). An error
 * has line and column of broken JSON, or the path of the field and what it should be. What the
 * specification knows and this program does not is ignored, as the specification says. */
int config_load(struct container *c, const char *bundle, struct error *err);

/* The same from text; looks at no file. Paths of the host are joined to `bundle`. */
int config_parse(struct container *c, const char *text, size_t len, const char *bundle,
		 struct error *err);

/* Looks at the host paths of a parsed container. */
int config_check_paths(struct container *c, struct error *err);

/* names.c: bit of a capability ("CAP_CHOWN"), number of a resource limit ("RLIMIT_NOFILE"), or
 * -1. */
int name_capability(const char *name);
int name_rlimit(const char *name);
int name_signal(const char *name);
