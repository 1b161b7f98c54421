/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

/*
 * The environment that deno starts with: of this process's, only what the program needs. The library of the
 * descriptor is loaded first. NULL without memory.
 */
char **runtime_environment(int library);

#endif
