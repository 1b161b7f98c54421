# shellcheck shell=bash
# The tracers that vrft is measured against: unpacked from Debian's packages, never installed. Each
# release of Debian becomes a small root of its own, with its own libc, which the guest enters by
# chroot: trixie's programs do not run on bookworm's libc.
# Sourced, after common.sh and suites.sh.

# By release: packages, and their programs.
declare -A PEER_PACKAGES=([trixie]='pwru bpftrace' [bookworm]='trace-cmd')
PEER_SUITES=(trixie bookworm)

# peer_closure SUITE - one `PACKAGE=VERSION` a line: the packages with all that they depend on. On an
# empty system, which suites.sh tells apt that this is, apt would install just those.
peer_closure() {
	local packages
	read -r -a packages <<<"${PEER_PACKAGES[$1]}"
	update_suite "$1"
	suite_apt "$1" apt-get -s --no-install-recommends install "${packages[@]}" |
		sed -n 's/^Inst \(\S*\) (\(\S*\) .*/\1=\2/p' | sort
}

# peer_files ROOT PROGRAM... - the programs, the loader and the libraries that it finds for them, one
# a line, relative to ROOT.
peer_files() {
	local root=$1 program loader=usr/lib64/ld-linux-x86-64.so.2
	local libraries=$1/usr/lib/x86_64-linux-gnu
	shift
	[[ -e $root/$loader ]] || loader=usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
	echo usr/lib64/ld-linux-x86-64.so.2
	for program; do
		echo "usr/bin/$program"
		"$root/$loader" --library-path "$libraries" --list "$root/usr/bin/$program" |
			sed -n "s,.* => $root/\(\S*\) .*,\1,p"
	done | sort -u
}

# unpack_peers SUITE DIRECTORY PACKAGE=VERSION... - fills DIRECTORY with the root, and the versions of
# the programs in its file `versions`.
unpack_peers() {
	local suite=$1 directory=$2 work=$2.work programs program file
	shift 2
	rm -rf "$work" "$directory"
	mkdir -p "$work/debs" "$work/root"/usr/{bin,lib,lib64,sbin} "$directory"/usr/{bin,lib/x86_64-linux-gnu,lib64}
	mkdir -p "$directory"/{proc,sys,dev,tmp,run}
	say "Downloading ${PEER_PACKAGES[$suite]} of Debian $suite, with their libraries"
	suite_download "$suite" "$work/debs" "$@"
	for file in bin lib lib64 sbin; do
		# Packages of bookworm still have files in /lib, which go to the merged /usr.
		ln -s "usr/$file" "$work/root/$file"
		[[ $file == sbin ]] || ln -s "usr/$file" "$directory/$file"
	done
	for file in "$work"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink -C "$work/root"
	done
	read -r -a programs <<<"${PEER_PACKAGES[$suite]}"
	while read -r file; do
		# A name may be a link; use its target.
		cp -L "$work/root/$file" "$directory/$file"
	done < <(peer_files "$work/root" "${programs[@]}")
	for program in "${programs[@]}"; do
		printf '%s\n' "$@" | grep "^$program="
	done >"$directory/versions"
	rm -rf "$work"
}

# peers_directory - prints the folder with a root for each release, which it makes at the first call.
peers_directory() {
	local suite closure key directory lock packages
	mkdir -p "$VRFT_CACHE/peers"
	exec {lock}>"$VRFT_CACHE/peers/lock"
	flock "$lock"
	for suite in "${PEER_SUITES[@]}"; do
		closure=$(peer_closure "$suite")
		[[ -n $closure ]] || die "Cannot find ${PEER_PACKAGES[$suite]} in Debian $suite"
		key=$(declare -f unpack_peers peer_files | sha256sum - <(echo "$closure") | sha256sum)
		directory=$VRFT_CACHE/peers/$suite
		[[ ! -e $directory/key || $(<"$directory/key") != "$key" ]] || continue
		mapfile -t packages <<<"$closure"
		unpack_peers "$suite" "$directory" "${packages[@]}"
		echo "$key" >"$directory/key"
	done
	exec {lock}>&-
	echo "$VRFT_CACHE/peers"
}
