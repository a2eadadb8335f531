/* config.c - fuzzes the reader of config.json, and the blob made of what it accepts */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi/spec.h"
#include "vmm/oci/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container c = {0};
	struct error err = {0};

	if (!config_parse(&c, (const char *)data, size, "/bundle", &err)) {
		struct abi_spec spec;
		uint32_t len;
		void *blob;

		container_number(&c);
		if (!container_blob(&c, 0, 0, &blob, &len, &err)) {
			memcpy(&spec, blob, sizeof(spec));
			if (spec.size != len || spec.argc != c.argc || spec.mounts >= len)
				abort();
			free(blob);
		}
	} else if (!err.text[0]) {
		abort();
	}
	container_free(&c);
	return 0;
}
