# shellcheck shell=bash
# Options for Deno to run the program, for all ways of building it.
# Sourced, never run.

# shellcheck disable=SC2034 # for those that source this
DENO_OPTIONS=(
	# All or nothing: Deno 2.9 opens files below /proc and /sys, which tracing needs, only with this, and
	# without any --deny-…. Calling C functions (--allow-ffi) implies everything anyway.
	--allow-all
	# A tracer must not use more than the CPU it reads the ring on. Otherwise V8 compiles and collects
	# garbage in its own threads, on the CPUs that the traced packets need: on a guest with two CPUs, that
	# made the first second of a traced flood 1.7 times slower.
	# To tell where an error was thrown, even one that is caught, V8 parses the functions around it once more;
	# in dist/vrft the outermost one is the whole program. Have it keep the positions instead.
	"--v8-flags=--single-threaded,--no-enable-lazy-source-positions"
	# Only the file itself decides what runs: no configuration, no cache, no network.
	--ext=js --no-config --no-lock --no-npm --no-remote --no-prompt --no-code-cache
)
