/* SPDX-License-Identifier: BSD-3-Clause */
#include "loader.h"

__asm__(".section .rodata\n"
	".global loader, loader_end\n"
	"loader: .incbin \"loader.js\"\n"
	"loader_end:\n"
	".previous");
