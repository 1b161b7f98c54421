# shellcheck shell=bash
# How Deno runs the program, whichever way it is made.
# Sourced, never run.

# shellcheck disable=SC2034 # for those that source this
DENO_OPTIONS=(
	# All or nothing: Deno 2.9 opens files below /proc and /sys, of which tracing is made, only with
	# this. One --deny-… beside it, and they are closed again. Calling C functions (--allow-ffi)
	# includes all else anyway.
	--allow-all
	# A tracer must not take more than the one CPU that it reads the ring on. Otherwise V8 compiles and
	# collects garbage in threads of its own, on the CPUs that the traced packets need: on a guest of two,
	# that alone made the first second of a traced flood 1.7 times slower.
	--v8-flags=--single-threaded
	# Nothing but the file itself decides what runs: no configuration, no cache, no network.
	--ext=js --no-config --no-lock --no-npm --no-remote --no-prompt --no-code-cache
)
