# shellcheck shell=bash
# What the program may do under Deno, whichever way dist/vrft is made.
# Sourced, never run.

# All or nothing: Deno 2.9 opens files below /proc and /sys, of which tracing is made, only with
# --allow-all. One --deny-… beside it, and they are closed again. Calling C functions (--allow-ffi)
# includes all else anyway.
# shellcheck disable=SC2034 # for those that source this
DENO_PERMISSIONS=(--allow-all)
