/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

/*
 * The environment that deno starts with: that of this process, without what would change how deno or the
 * dynamic linker work. The library of the descriptor is loaded first. NULL without memory.
 */
char **runtime_environment(int library);

#endif
