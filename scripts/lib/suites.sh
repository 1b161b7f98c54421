# shellcheck shell=bash
# Packages of other Debian releases than the one installed here, or of their backports: unpacked, never
# installed. apt has separate lists for each, so the system's sources do not change. Signatures are
# checked against the keyring of the system.
# Sourced, after common.sh.

# Lists older than this are updated: security updates remove the files of the previous version.
SUITE_LISTS_MINUTES=720

# mirror KIND - the archive ("debian" or "debian-security") that this machine's apt takes bookworm from.
mirror() {
	local codename=bookworm uri
	[[ $1 == debian ]] || codename=bookworm-security
	uri=$(apt-get indextargets --format "\$(CREATED_BY) \$(CODENAME) \$(REPO_URI)" 2>/dev/null |
		sed -n "s/^Packages $codename //p" | head -n 1)
	echo "${uri:-http://deb.debian.org/$1}"
}

# suite_apt SUITE PROGRAM ARGUMENT... - apt-get or apt-cache on the lists of SUITE alone, such as "bullseye",
# with its security updates, or "trixie-backports".
suite_apt() {
	local suite=$1 program=$2 state=$VRFT_CACHE/apt/$1
	shift 2
	"$program" -o Dir::State="$state" -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
		-o Dir::State::status="$state/status" -o Dir::Etc::SourceList="$state/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o APT::Sandbox::User=root "$@"
}

# update_suite SUITE [force] - updates its lists, unless they are recent.
update_suite() {
	local suite=$1 state=$VRFT_CACHE/apt/$1 lock log keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	exec {lock}>"$state/lock"
	flock "$lock"
	if [[ ${2-} == force || -z $(find "$state/fresh" -mmin -$SUITE_LISTS_MINUTES 2>/dev/null) ]]; then
		: >"$state/status"
		printf 'deb [signed-by=%s] %s main\n' "$keyring" "$(mirror debian) $suite" >"$state/sources.list"
		# Backports include security updates.
		[[ $suite == *-backports ]] ||
			printf 'deb [signed-by=%s] %s main\n' "$keyring" "$(mirror debian-security) $suite-security" \
				>>"$state/sources.list"
		say "Updating the package lists of Debian $suite"
		log=$(suite_apt "$suite" apt-get -qq -o APT::Update::Error-Mode=any update 2>&1) ||
			die "Cannot update the package lists of Debian $suite: apt-get says:" $'\n'"$log"
		touch "$state/fresh"
	fi
	exec {lock}>&-
}

# suite_candidate SUITE PACKAGE - prints the version to download; nothing if it is unknown.
suite_candidate() {
	update_suite "$1"
	suite_apt "$1" apt-cache policy "$2" | sed -n 's/^ *Candidate: //p'
}

# suite_download SUITE DIRECTORY PACKAGE[=VERSION]... - puts the .deb files into the folder.
suite_download() {
	local suite=$1 directory=$2 log
	shift 2
	update_suite "$suite"
	(cd "$directory" && suite_apt "$suite" apt-get -qq download "$@") >/dev/null 2>&1 && return
	update_suite "$suite" force
	log=$(cd "$directory" && suite_apt "$suite" apt-get -qq download "$@" 2>&1) ||
		die "Cannot download $* of Debian $suite: apt-get says:" $'\n'"$log"
}
