# shellcheck shell=bash
# The oldest glibc that vrft runs with, and a check of ELF files against it.
# Sourced, after common.sh.

# RHEL 8 has it; Debian has had a newer one since 11.
GLIBC_FLOOR=2.28

# glibc_floor FILE... - prints the highest version of glibc whose symbols the files need, such as 2.28;
# nothing if they need none. Versions without a number (GLIBC_PRIVATE, GLIBC_ABI_DT_RELR) sort highest.
glibc_floor() {
	local file needs all=
	for file; do
		needs=$(LC_ALL=C readelf --version-info --wide "$file" 2>&1) ||
			die "Cannot read the symbol versions of $file: $needs"
		# Versions defined by the library itself are listed likewise, before those it needs.
		all+=$(sed -n '/^Version needs section/,$ s/.* Name: GLIBC_\(\S*\) .*/\1/p' <<<"$needs")$'\n'
	done
	sort -V <<<"$all" | tail -n 1
}

# require_glibc FILE... - exits if one of the files needs a newer glibc than GLIBC_FLOOR.
require_glibc() {
	local file floor
	for file; do
		floor=$(glibc_floor "$file")
		printf '%s\n' "$floor" "$GLIBC_FLOOR" | sort -V -C ||
			die "Cannot use $file: it needs glibc $floor, but vrft must run with $GLIBC_FLOOR"
	done
}
