/*
 * The steps of a plan: the one list that both programs are made from. It is included wherever something is made of each
 * step, with STEP and FIELD defined as what that is: STEP(identifier, speech, fields), and for each of its fields
 * FIELD(kind, name).
 *
 * The identifier is also the name that a step has in JavaScript. The speech is TALKS where nsinit sends something back
 * before the plan is at its end, so that Node has to listen, else QUIET. The kinds of fields:
 *
 *   number    64 bits                       bytes     a string that may have a NUL inside
 *   fd        a file descriptor             fds       a list of file descriptors
 *   string    text without a NUL            strings   a list of strings
 *   optional  a string, or null             numbers   a list of numbers
 *   target    the path of a mount; null: what is mounted is sent back as a descriptor, and Node has to listen
 *
 * All else follows: the encoder (src/addon/encoder.cc) checks a step from JavaScript against its fields, the decoder
 * (decode.h) checks the bytes against the same, and nsinit's function step_<identifier>() finds the fields by their
 * names in a struct step_<identifier>. For lib/ the types are in types/native.d.ts, and the rows in lib/plan/steps.ts.
 */
/* clang-format off */
#define NO_FIELDS

/* The program takes the place of the one that made the plan, and nobody listens: what fails is told to the program */
STEP(in_place, QUIET, NO_FIELDS)
/* setns(2); flags: the CLONE_NEW* flag of each of fds */
STEP(join, QUIET, FIELD(fds, fds) FIELD(numbers, flags))
/* Pids of the program, from its own pid namespace outwards: clone3(2) */
STEP(set_tid, QUIET, FIELD(numbers, pids))
/* Goes on in a child, to enter a joined pid namespace */
STEP(fork, QUIET, NO_FIELDS)
/* Writes a byte to a socket, and waits until one comes back: when it is closed, this task ends */
STEP(gate, QUIET, FIELD(fd, gate))
/* unshare(2), and texts for files in /proc/PID: user_namespaces(7), time_namespaces(7) */
STEP(unshare, QUIET, FIELD(number, flags) FIELD(optional, setgroups) FIELD(optional, uid_map) FIELD(optional, gid_map)
     FIELD(optional, timens_offsets))

/* sethostname(2) */
STEP(hostname, QUIET, FIELD(string, name))
/* setdomainname(2) */
STEP(domainname, QUIET, FIELD(string, name))
/* Brings lo up: netdevice(7) */
STEP(loopback, QUIET, NO_FIELDS)
/* Begins a network namespace with lo up: net.c */
STEP(make_net, QUIET, NO_FIELDS)
/* Enters it, once it is made: setns(2) */
STEP(enter_net, QUIET, NO_FIELDS)

/* mount(2); flags: MS_* */
STEP(propagation, QUIET, FIELD(string, path) FIELD(number, flags))
/* Files to be put elsewhere: open_tree(2) */
STEP(trees, QUIET, FIELD(strings, paths))
/* A directory in a new root, and a name in it for each of the trees */
STEP(host_files, QUIET, FIELD(string, directory) FIELD(strings, names))
/* umount2(2) */
STEP(umount, QUIET, FIELD(string, target) FIELD(number, flags))

/* fsopen(2); attributes: MOUNT_ATTR_*, flags: PLAN_* */
STEP(fs, QUIET, FIELD(string, type) FIELD(optional, source) FIELD(strings, parameters) FIELD(number, attributes)
     FIELD(target, target) FIELD(number, flags))
/* Mounts what a path or a descriptor is, with attributes to set and to clear: mounts.c */
STEP(tree, QUIET, FIELD(optional, source) FIELD(fds, fds) FIELD(number, flags) FIELD(number, set) FIELD(number, clear)
     FIELD(number, propagation) FIELD(fds, userns) FIELD(target, target))
/* attributes: MOUNT_ATTR_*, flags: PLAN_*; its layers are sent back with PLAN_TELL_LAYERS: overlay.c */
STEP(overlay, TALKS, FIELD(strings, lower) FIELD(optional, upper) FIELD(optional, work) FIELD(strings, parameters)
     FIELD(number, attributes) FIELD(target, target) FIELD(number, flags))
/* mount_setattr(2), fspick(2) */
STEP(remount, QUIET, FIELD(string, target) FIELD(number, recursive) FIELD(number, set) FIELD(number, clear)
     FIELD(strings, parameters))
/* move_mount(2) */
STEP(move, QUIET, FIELD(string, source) FIELD(string, target))
/* From here on a mount with these attributes, MOUNT_ATTR_*; flags: PLAN_* */
STEP(seal, QUIET, FIELD(string, target) FIELD(number, attributes) FIELD(number, flags))
/* Hides what is there */
STEP(mask, QUIET, FIELD(string, target) FIELD(number, optional))
/* Can be changed by nobody inside, nor made; type: S_IFDIR or S_IFREG, where it is missing; sends back its mount */
STEP(protect, TALKS, FIELD(string, target) FIELD(number, type))
/*
 * A file of its own that is mounted: its contents, or a descriptor to copy from; attributes: MOUNT_ATTR_*; flags: with
 * PLAN_OPTIONAL a target that does not exist is passed over
 */
STEP(data, QUIET, FIELD(string, target) FIELD(number, mode) FIELD(bytes, contents) FIELD(fds, from)
     FIELD(number, attributes) FIELD(number, flags))

/* The owner of what later steps make */
STEP(owner, QUIET, FIELD(number, uid) FIELD(number, gid))
/* mode: PLAN_UNCHANGED leaves it as it is; flags: PLAN_* */
STEP(make_dir, QUIET, FIELD(string, path) FIELD(number, mode) FIELD(number, flags))
/* symlink(2) */
STEP(make_link, QUIET, FIELD(string, path) FIELD(string, to))
/* Its contents, or a descriptor to copy from */
STEP(make_file, QUIET, FIELD(string, path) FIELD(number, mode) FIELD(bytes, contents) FIELD(fds, from))
/* chmod(2) */
STEP(chmod, QUIET, FIELD(string, path) FIELD(number, mode))

/* Makes a user namespace below: nest.c */
STEP(nest, QUIET, FIELD(number, flags) FIELD(optional, setgroups) FIELD(optional, uid_map) FIELD(optional, gid_map))
/* Enters it, and unshares there what flags say: setns(2) */
STEP(enter_nest, QUIET, FIELD(number, flags))
/* Namespaces that this task is in, CLONE_NEW*, are sent back: nest.c */
STEP(namespaces, TALKS, FIELD(numbers, flags))

/* A file in the root is sent back as a descriptor */
STEP(open_file, TALKS, FIELD(string, path) FIELD(number, open_flags) FIELD(number, mode))
/* The same, and it is written here */
STEP(save_file, QUIET, FIELD(string, path) FIELD(number, open_flags) FIELD(number, mode) FIELD(bytes, contents)
     FIELD(fds, from))
/* Names and types of what is in a directory of the root are sent back */
STEP(list, TALKS, FIELD(string, path) FIELD(number, max_bytes) FIELD(number, max_entries))
/* The changes that the upper layer of an overlay holds are sent back */
STEP(changes, TALKS, FIELD(fd, upper) FIELD(fd, lower) FIELD(number, max_bytes) FIELD(number, max_entries)
     FIELD(number, flags))
/* Work below directories, file by file: each sends a result back, and none makes the plan fail: below.c */
STEP(read_below, TALKS, FIELD(fd, from) FIELD(bytes, path) FIELD(number, max_bytes))
/* expected: see below.c; flags: PLAN_KEEP_OWNER, PLAN_LINK */
STEP(put_below, TALKS, FIELD(fd, from) FIELD(bytes, source) FIELD(fd, to) FIELD(bytes, target) FIELD(numbers, expected)
     FIELD(number, flags))
STEP(remove_below, TALKS, FIELD(fd, from) FIELD(bytes, path) FIELD(numbers, expected))
/* syncfs(2) */
STEP(sync_below, TALKS, FIELD(fd, from))

/*
 * Before hold: files and directories (a slash at the end) are made where they are missing, and taken away when the
 * sandbox has ended; sandbox: a pidfd; names: below the directories: placeholders.c
 */
STEP(placeholders, QUIET, FIELD(fd, sandbox) FIELD(strings, directories) FIELD(strings, names))
/* Takes mount points away that were made on the host, two descriptors each: points.c */
STEP(unmake, QUIET, FIELD(fds, points))
/* /dev/null, through which nobody can change its inode, is sent back as a descriptor */
STEP(null_device, TALKS, NO_FIELDS)
/* Without a new root the one that steps have made; without a place for the old one it is detached */
STEP(pivot_root, QUIET, FIELD(optional, new_root) FIELD(optional, put_old))

/* In one write(2) */
STEP(write_file, QUIET, FIELD(string, path) FIELD(number, open_flags) FIELD(bytes, data))
/* The same, and no failure where the file cannot be opened */
STEP(try_write_file, QUIET, FIELD(string, path) FIELD(number, open_flags) FIELD(bytes, data))
/* The contents of the file are sent back */
STEP(read_file, TALKS, FIELD(string, path) FIELD(number, max_bytes))
/* proc_pid_mountinfo(5) is sent back */
STEP(mountinfo, TALKS, NO_FIELDS)

/* socket(2), sent back as a descriptor */
STEP(socket, TALKS, FIELD(number, domain) FIELD(number, type) FIELD(number, protocol))
/* Sends back what is asked for in a pipe, struct plan_socket, until nobody can ask any more: a socket, or an errno */
STEP(sockets, TALKS, FIELD(fd, requests))
/* TUNSETIFF, sent back as a descriptor; flags: IFF_* */
STEP(tun, TALKS, FIELD(string, name) FIELD(number, flags) FIELD(number, owner) FIELD(number, group)
     FIELD(number, persistent))

/* A directory that is a shared mount: ip-netns(8) */
STEP(netns_directory, QUIET, FIELD(string, path))
/* A new file with a network namespace on it, else that of this task */
STEP(netns_add, QUIET, FIELD(string, path) FIELD(fds, net))
/* Deletes a file that waits for its mount, if it was left */
STEP(netns_clear, QUIET, FIELD(string, path))
/* Unmounts and removes it; inode: of the namespace that has to be there, or none */
STEP(netns_remove, QUIET, FIELD(string, path) FIELD(numbers, inode))
/* A file of the host over one in the root, if that is there: netns.c */
STEP(cover, QUIET, FIELD(string, source) FIELD(string, target))

/* Text for /proc/self/oom_score_adj: proc_pid_oom_score_adj(5) */
STEP(oom_score_adj, QUIET, FIELD(string, text))
/* resource, hard, and so on: raises hard limits that are lower. prlimit(2) */
STEP(raise_limits, QUIET, FIELD(numbers, limits))
/* resource, soft, hard, and so on; also PLAN_INFINITY and PLAN_AS_IS: prlimit(2) */
STEP(rlimits, QUIET, FIELD(numbers, limits))
/* Signals all processes of the joined pid namespace but its init and this task: kill(2), pid -1 */
STEP(signal_all, QUIET, FIELD(number, signal))
/* setpriority(2) */
STEP(priority, QUIET, FIELD(number, nice))
/* umask(2) */
STEP(umask, QUIET, FIELD(number, mask))
/* sched_setaffinity(2) */
STEP(affinity, QUIET, FIELD(numbers, processors))
/* personality(2) */
STEP(personality, QUIET, FIELD(number, persona))

/* Through the change of ids that follows: PR_SET_KEEPCAPS(2const) */
STEP(keep_caps, QUIET, NO_FIELDS)
/* Sets of bits: creds.c */
STEP(capabilities, QUIET, FIELD(number, bounding) FIELD(number, inheritable) FIELD(number, ambient)
     FIELD(number, securebits) FIELD(number, except_root))

/* A new terminal; its other end is sent back: pty(7) */
STEP(pty, TALKS, FIELD(number, columns) FIELD(number, rows))
/* A process group of its own, in front on this terminal: tcsetpgrp(3) */
STEP(foreground, QUIET, FIELD(fd, terminal))
/* A session of its own: setsid(2) */
STEP(setsid, QUIET, NO_FIELDS)

/* fchdir(2) */
STEP(fchdir, QUIET, FIELD(fd, directory))
/* chroot(2), and chdir there */
STEP(chroot, QUIET, FIELD(string, path))
/* chdir(2); fallback: to the root where the path does not exist */
STEP(chdir, QUIET, FIELD(string, path) FIELD(number, fallback))

/* setresuid(2), setgroups(2); PLAN_UNCHANGED leaves an id as it is */
STEP(ids, QUIET, FIELD(number, uid) FIELD(number, gid) FIELD(number, set_groups) FIELD(numbers, groups))
/* 0:0 where the user namespace maps it, else unchanged */
STEP(default_ids, QUIET, NO_FIELDS)
/* PR_SET_NO_NEW_PRIVS(2const) */
STEP(no_new_privs, QUIET, NO_FIELDS)
/* An empty session keyring: session-keyring(7) */
STEP(new_keyring, QUIET, NO_FIELDS)
/* Empties the ambient and inheritable sets: capabilities(7) */
STEP(lower_caps, QUIET, NO_FIELDS)

/* PR_SET_PDEATHSIG(2const); parent: Node's pid */
STEP(die_with_parent, QUIET, FIELD(number, signal) FIELD(number, parent))
/* These become 0, 1, 2, ... */
STEP(stdio, QUIET, FIELD(fds, fds))
/* This task stays as init, and a child goes on */
STEP(init, QUIET, FIELD(number, dies_with_parent))
/*
 * A Landlock ruleset, in force at once: the rights that it handles; paths, and for each the access that is allowed, and
 * flags, PLAN_OPTIONAL; ports, each with its access. landlock(7)
 */
STEP(landlock, QUIET, FIELD(number, fs) FIELD(number, net) FIELD(number, scoped) FIELD(strings, paths)
     FIELD(numbers, rules) FIELD(numbers, ports))
/* A BPF program, in force from the exec on: seccomp(2) */
STEP(seccomp, QUIET, FIELD(bytes, program) FIELD(number, flags))
/* execve(2), with a search of PATH */
STEP(exec, QUIET, FIELD(string, file) FIELD(strings, argv) FIELD(strings, env))

/* Before hold: not to end with Node, but with the last process */
STEP(outlive, QUIET, NO_FIELDS)
/* Keeps the namespaces, as init of a pid namespace where there is one */
STEP(hold, QUIET, NO_FIELDS)
/* All is done */
STEP(exit, QUIET, NO_FIELDS)

#undef NO_FIELDS
#undef FIELD
#undef STEP
/* clang-format on */
