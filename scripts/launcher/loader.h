/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOADER_H
#define LOADER_H

/* loader.js, the module that runs the program. */
extern const char loader[], loader_end[];

#endif
