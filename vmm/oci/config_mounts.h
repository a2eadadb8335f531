/* config_mounts.h - the mounts of config.json, for config.c */
#pragma once
#include "vmm/oci/container.h"
#include "vmm/oci/json.h"

int config_mounts(struct container *c, const struct json_at *top, const char *bundle,
		  struct error *err);

/* An absolute path stays, another is taken from the bundle. -1: too long. */
int config_join(char *buf, size_t size, const char *bundle, const char *path);
