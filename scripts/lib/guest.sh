# shellcheck shell=bash
# The guest's file system, as cpio archives for the kernel's initramfs: those that seldom change
# are kept in the cache under the hash of what they are made from.
# Sourced by scripts/vm, after common.sh.

# What the guest has besides busybox, whose applets fill the names that are left.
GUEST_PROGRAMS=(bash dash ip tc ss bpftool ping deno)
# Opened by name at run time, which ldd does not show.
GUEST_LIBRARIES=(libbpf.so.1 libelf.so.1 libz.so.1)
# What the virtual hardware needs, and what networks in tests are made of.
GUEST_MODULES=(virtio_pci virtio_console veth bridge tun dummy 8021q vxlan pktgen sch_netem)

# pack DIRECTORY ARCHIVE - the folder's files, as root's. Links stay links.
pack() {
	(cd "$1" && find . -mindepth 1 -print0 | sort -z |
		cpio --quiet -o -0 -H newc -R +0:+0) >"$2"
}

# The folders and links every archive starts with. The kernel replaces a link by a folder of the same
# name in a later archive, so all have to agree.
skeleton() {
	local link
	mkdir -p "$1"/usr/{bin,lib}
	for link in bin sbin lib; do
		ln -s "usr/${link/sbin/bin}" "$1/$link"
	done
	ln -s usr/lib "$1/lib64"
	ln -s bin "$1/usr/sbin"
}

# cached NAME KEY BUILDER ARGUMENT... - prints the path of the archive NAME-HASH(KEY).cpio; if it
# is not there, BUILDER fills the folder given as its first argument.
cached() {
	local name=$1 key=$2 archive work
	shift 2
	mkdir -p "$VRFT_CACHE/guest"
	archive=$VRFT_CACHE/guest/$name-$(sha256sum <<<"$key" | head -c 16).cpio
	if [[ ! -e $archive ]]; then
		# Two builders at once do the same work twice, and the later rename wins.
		work=$(mktemp -d "$VRFT_CACHE/guest/$name.XXXXXX")
		skeleton "$work/root"
		"$1" "$work/root" "${@:2}"
		pack "$work/root" "$work/archive"
		mv "$work/archive" "$archive"
		rm -rf "$work"
	fi
	echo "$archive"
}

# The file that a program's name stands for. Deno's is behind npm's start script at first.
program_file() {
	if [[ $1 == deno ]]; then
		deno eval --no-config 'console.log(Deno.execPath())'
	else
		readlink -f "$(command -v "$1")"
	fi
}

library_file() {
	ldconfig -p | sed -n "s,^\s*$1 (libc6\,x86-64) => ,,p" | head -n 1
}

# The files to copy, one `SOURCE TARGET` a line: programs, and the libraries all of them need.
tool_files() {
	local name file libraries=()
	for name in "${GUEST_PROGRAMS[@]}"; do
		file=$(program_file "$name")
		echo "$file /usr/bin/$name"
		libraries+=("$file")
	done
	for name in "${GUEST_LIBRARIES[@]}"; do
		file=$(library_file "$name")
		[[ -n $file ]] || die "Cannot find the library $name: run scripts/setup as root"
		echo "$file /usr/lib/$name"
		libraries+=("$file")
	done
	echo "$(command -v busybox) /usr/bin/busybox"
	ldd "${libraries[@]}" |
		sed -n -e 's,^\s*\(\S*\) => \(/\S*\) .*,\2 /usr/lib/\1,p' -e 's,^\s*\(/lib64/\(\S*\)\) .*,\1 /usr/lib/\2,p' |
		sort -u
}

build_tools() {
	local root=$1 source target applet
	mkdir -p "$root"/{etc,dev,proc,sys,run,tmp,root,var}
	while read -r source target; do
		cp -L "$source" "$root$target"
	done <<<"$2"
	ln -s dash "$root/usr/bin/sh"
	for applet in $(busybox --list); do
		[[ -e $root/usr/bin/$applet ]] || ln -s busybox "$root/usr/bin/$applet"
	done
	chmod 1777 "$root/tmp"
	ln -s ../proc/mounts "$root/etc/mtab"
	ln -s ../run "$root/var/run"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	echo '127.0.0.1 localhost guest' >"$root/etc/hosts"
	cp /etc/os-release "$root/etc/os-release"
}

# tools_archive - programs and libraries, the same for every kernel.
tools_archive() {
	local files
	files=$(tool_files)
	cached tools "$(cut -d ' ' -f 1 <<<"$files" | xargs stat -L -c '%n %s %Y'
		declare -f build_tools)" build_tools "$files"
}

build_modules() {
	local root=$1 kernel=$2 release files file target
	shift 2
	release=$(<"$kernel/release")
	# Built into one kernel, a module in the other: --show-depends says "builtin" and is skipped.
	files=$(modprobe -d "$kernel" -S "$release" --show-depends -a "$@" | sed -n 's/^insmod \(\S*\).*/\1/p')
	for file in $files; do
		target=$root/usr/lib/modules/$release/${file##*/}
		mkdir -p "${target%/*}"
		case $file in
		*.xz) xz -dc "$file" >"${target%.xz}" ;;
		*.zst) zstd -qdc "$file" >"${target%.zst}" ;;
		*) cp "$file" "$target" ;;
		esac
	done
	cp "$kernel/modules/modules."{order,builtin,builtin.modinfo} "$root/usr/lib/modules/$release/"
	depmod -b "$root/usr" "$release"
}

# modules_archive KERNEL_DIR MODULE... - kernel modules, with those they depend on.
modules_archive() {
	cached modules "$* $(declare -f build_modules)" build_modules "$@"
}
