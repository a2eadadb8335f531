/* prctl.h - arm64 has no arch_prctl(2) */
#pragma once
