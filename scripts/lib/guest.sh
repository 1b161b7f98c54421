# shellcheck shell=bash
# The guest's file system: cpio archives that the kernel unpacks one after the other. Those that rarely
# change are cached under a hash of their input.
# Sourced by scripts/vm, after common.sh and suites.sh.

# Programs of the guest; busybox provides the rest.
GUEST_PROGRAMS=(bash dash ip tc ss bpftool ping deno)
# The Debian release whose glibc a bare guest has: the oldest one that can be had, for programs that
# need no newer one run with any.
BARE_SUITE=bullseye
# What the virtual hardware needs, and what the networks of tests are made of.
# shellcheck disable=SC2034 # for scripts/vm
GUEST_MODULES=(virtio_pci virtio_console veth bridge tun dummy 8021q vxlan ip_gre
	mpls_router mpls_iptunnel pktgen sch_netem)

# skeleton DIRECTORY - the folders and links that every archive starts with. All have to agree:
# the kernel replaces a link by a folder of the same name in a later archive.
skeleton() {
	mkdir -p "$1"/usr/{bin,lib,local/bin} "$1/vm"
	ln -s usr/bin "$1/bin"
	ln -s usr/bin "$1/sbin"
	ln -s usr/lib "$1/lib"
	ln -s usr/lib "$1/lib64"
	ln -s bin "$1/usr/sbin"
}

# pack DIRECTORY ARCHIVE - everything in the folder, as root's.
pack() {
	(cd "$1" && find . -mindepth 1 -print0 | sort -z |
		cpio --quiet -o -0 -H newc -R +0:+0) >"$2"
}

# cached NAME KEY BUILDER ARGUMENT... - prints the path of the archive for KEY. If there is none,
# BUILDER makes it in the folder that it is given before its arguments. To be called in $(…).
cached() {
	local name=$1 key=$2 archive work
	shift 2
	key=$(sha256sum <<<"$key $(declare -f skeleton add_folders add_applets "$1")")
	archive=$VRFT_CACHE/guest/$name-${key::16}.cpio
	if [[ -e $archive ]]; then
		touch "$archive"
	else
		mkdir -p "$VRFT_CACHE/guest"
		find "$VRFT_CACHE/guest" -maxdepth 1 -name "$name-*" -mtime +14 -exec rm -rf {} +
		# Concurrent builders both do the work, and the later rename wins.
		work=$(mktemp -d "$VRFT_CACHE/guest/$name-XXXXXX")
		# shellcheck disable=SC2064 # at the exit this function's variables are gone
		trap "rm -rf ${work@Q}" EXIT
		skeleton "$work/root"
		"$1" "$work/root" "${@:2}"
		pack "$work/root" "$work/archive"
		mv "$work/archive" "$archive"
	fi
	echo "$archive"
}

# The ELF file of a program. For Deno, npm may have installed a start script.
program_file() {
	if [[ $1 == deno ]]; then
		deno eval --no-config 'console.log(Deno.execPath())'
	else
		readlink -f "$(command -v "$1")"
	fi
}

# Prints lines `SOURCE TARGET`: the programs, and the libraries they need.
tool_files() {
	local name file objects=()
	for name in "${GUEST_PROGRAMS[@]}"; do
		file=$(program_file "$name")
		objects+=("$file")
		echo "$file /usr/bin/$name"
	done
	file=$(program_file busybox)
	echo "$file /usr/bin/busybox"
	ldd "${objects[@]}" | sed -n \
		-e 's,^\s*\(\S*\) => \(/\S*\) .*,\2 /usr/lib/\1,p' \
		-e 's,^\s*\(/lib64/\(\S*\)\) .*,\1 /usr/lib/\2,p' | sort -u
}

add_folders() {
	mkdir -p "$1"/{dev,proc,sys,run,tmp,root}
	chmod 1777 "$1/tmp"
}

# add_applets DIRECTORY - links the missing programs to busybox.
add_applets() {
	local applet
	for applet in $("$1/usr/bin/busybox" --list); do
		[[ -e $1/usr/bin/$applet ]] || ln -s busybox "$1/usr/bin/$applet"
	done
}

build_tools() {
	local root=$1 files=$2 source target
	add_folders "$root"
	mkdir "$root"/{etc,var}
	while read -r source target; do
		cp -L "$source" "$root$target"
	done <<<"$files"
	# As on Debian; unlike busybox's sh, it does not prefer busybox's ping to the one in PATH.
	ln -s dash "$root/usr/bin/sh"
	add_applets "$root"
	ln -s ../proc/mounts "$root/etc/mtab"
	ln -s ../run "$root/var/run"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	echo '127.0.0.1 localhost' >"$root/etc/hosts"
	# The guest identifies itself as the origin of its programs.
	cp -L /etc/os-release "$root/etc/os-release"
}

# tools_archive - the programs and libraries: the same for every kernel.
tools_archive() {
	local files state
	files=$(tool_files)
	state=$(cut -d ' ' -f 1 <<<"$files" | xargs -d '\n' stat -L -c '%n %s %Y')
	cached tools "$state" build_tools "$files"
}

build_bare() {
	local root=$1 busybox=$2 packages
	packages=$(mktemp -d "$root.XXXXXX")
	suite_download "$BARE_SUITE" "$packages" libc6
	dpkg-deb -x "$packages"/libc6_*.deb "$packages/libc6"
	add_folders "$root"
	cp -d "$packages"/libc6/lib/x86_64-linux-gnu/*.so* "$root/usr/lib"
	cp -L "$busybox" "$root/usr/bin/busybox"
	add_applets "$root"
}

# bare_archive - busybox and glibc: a minimal host.
bare_archive() {
	local busybox
	busybox=$(program_file busybox)
	cached bare "$BARE_SUITE $(stat -L -c '%n %s %Y' "$busybox")" build_bare "$busybox"
}

build_modules() {
	local root=$1 kernel=$2 release files file target
	shift 2
	release=$(<"$kernel/release")
	# A module of one kernel may be built into another, shown by a line "builtin".
	files=$(modprobe -d "$kernel" -S "$release" --show-depends -a "$@" |
		sed -n 's/^insmod \(\S*\).*/\1/p')
	target=$root/usr/lib/modules/$release
	mkdir -p "$target"
	for file in $files; do
		case $file in
		*.xz) xz -dc "$file" >"$target/$(basename "$file" .xz)" ;;
		*) cp "$file" "$target" ;;
		esac
	done
	cp "$kernel/modules/modules."{order,builtin,builtin.modinfo} "$target"
	depmod -b "$root/usr" "$release"
}

# modules_archive KERNEL_DIR MODULE... - kernel modules, with those they need.
modules_archive() {
	cached modules "$*" build_modules "$@"
}

build_vrouter() {
	local root=$1 kernel=$2
	mkdir "$root/build"
	"$VRFT_ROOT/tests/vrouter_module/build" "$kernel" "$root/build" >&2
	mv "$root/build/"{vif-add,flow,vxlan-add,send-frame,receive-frames} "$root/usr/local/bin"
	mv "$root/build/"* "$root/vm"
	rmdir "$root/build"
}

# vrouter_archive KERNEL_DIR - the stand-in module, and the programs that configure it.
vrouter_archive() {
	local sources
	# With names that are the same in every checkout.
	sources=$(cd "$VRFT_ROOT/tests/vrouter_module" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	cached vrouter "$1 $sources" build_vrouter "$1"
}

# add_vrft DIRECTORY - adds the program as shipped to users.
add_vrft() {
	"$VRFT_ROOT/scripts/compile" --runtime launcher >&2 || exit "$FAILURE_STATUS"
	cp "$VRFT_ROOT/dist/vrft" "$1/usr/local/bin/vrft"
}
