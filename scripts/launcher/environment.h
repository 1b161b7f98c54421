/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

/*
 * The environment to start deno with: the part of this process's that the program needs. Preloads the
 * library of the descriptor. NULL without memory.
 */
char **runtime_environment(int library);

#endif
