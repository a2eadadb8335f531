/* chacha.h - the ChaCha20 block function (RFC 8439, section 2.3) */
#pragma once
#include "types.h"

/* One block of 64 bytes for key, counter and nonce. */
void chacha20_block(u8 out[64], const u32 key[8], u32 counter, const u32 nonce[3]);
