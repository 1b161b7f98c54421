/**
 * What stands below the options in the help of each command.
 *
 * @module
 */

const EXIT_STATUS = `\
Exit status:
  0  done
  1  it failed: the message on stderr says why
  2  the command line makes no sense`;

/** Notes of `vrft --help`. */
export const TRACE_NOTES = `\
Examples:
  vrft                                 trace packets of all vifs until Ctrl-C
  vrft -i tap9f3c -i vif0/0 -n 400     400 rows of two vifs
  vrft -f 'vr_*' -f 'nh_*' -x '*_mac'  only some functions
  vrft --sample 100 -o trace.txt       one packet in a hundred, into a file
  vrft --duration 10s -o trace.txt     ten seconds into a file
  vrft --no-vrouter -i eth0            a host without the vrouter module

The last line on stderr says what tracing took, in per cent of one CPU, as
top(1) does: 100 % is one CPU that was always busy. --max-overhead ends the
trace when the BPF programs and vrft together have been above it for a second
without a break. It has the kernel time the programs, which takes CAP_SYS_ADMIN
and makes traced calls a little slower; without it their time is known only
where kernel.bpf_stats_enabled is on. What the kernel does to reach the programs
is not in it.

Files:
  /sys/kernel/btf/vmlinux  debug info of the running kernel
  /sys/kernel/btf/vrouter  debug info of the loaded module
  /tmp/vrouter.btf         debug info of a module built without BTF (pahole -J);
                           read if root owns it and nobody else can write it

Exit status:
  0  done: ended by --limit, --duration, SIGINT, SIGTERM or SIGHUP, or because
     nobody reads the output any more
  1  it failed, or --max-overhead ended it: the message on stderr says why
  2  the command line makes no sense`;

/** Notes of `vrft functions --help`. */
export const FUNCTIONS_NOTES = `\
Examples:
  vrft functions -f 'vr_*'   functions whose name begins with vr_
  vrft functions --skipped   what cannot be traced, and why
  vrft functions --json --kernel-btf vmlinux.btf --vrouter-btf vrouter.btf
                             of another machine, without root

Where the kernel does not tell which functions can be traced and where they are,
all candidates are listed and a line on stderr says so.

${EXIT_STATUS}`;

/** Notes of `vrft interfaces --help`. */
export const INTERFACES_NOTES = EXIT_STATUS;

/** Notes of `vrft check --help`. */
export const CHECK_NOTES = `\
Examples:
  sudo vrft check                everything that a trace needs
  sudo vrft check --no-vrouter   on a host without the vrouter module
  vrft check --json              { works, backend, summary, checks: [ … ] }

A check is ✔ found, ✖ missing, with what to do about it, or – not needed, not
known or good to know. Each backend is attached to a few functions and let go
again; nothing is recorded or changed.

Exit status:
  0  tracing will work
  1  it will not, or the check was interrupted
  2  the command line makes no sense`;

/** Notes of `vrft completions --help`. */
export const COMPLETIONS_NOTES = `\
Examples:
  source <(vrft completions bash)      bash, in ~/.bashrc
  source <(vrft completions zsh)       zsh, in ~/.zshrc below compinit
  vrft completions fish | source       fish, in ~/.config/fish/config.fish

  vrft completions bash >/usr/share/bash-completion/completions/vrft
  vrft completions zsh >/usr/local/share/zsh/site-functions/_vrft
  vrft completions fish >/usr/share/fish/vendor_completions.d/vrft.fish

${EXIT_STATUS}`;

/** Notes of `vrft help --help`. */
export const HELP_NOTES = EXIT_STATUS;
