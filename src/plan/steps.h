/*
 * The steps of a plan: the one list that both programs are made from. STEP(identifier, name, fields):
 *
 *   u  a number (64 bits)      s  a string (no NUL inside)    b  bytes
 *   f  a file descriptor       z  a string or null            F  a list of file descriptors
 *                              S  a list of strings           N  a list of numbers
 *
 * The encoder (src/addon/encoder.cc) checks a step from JavaScript against its fields, the decoder (decode.h) checks
 * the bytes against the same, and nsinit's table of functions is generated from the identifiers: step_<identifier>().
 * The types for lib/ are in types/native.d.ts.
 */
#ifndef LINUX_NS_PLAN_STEPS_H
#define LINUX_NS_PLAN_STEPS_H

#define PLAN_STEPS(STEP)                                                                                               \
  STEP(join, "join", "FN")               /* namespaces, and the CLONE_NEW* flag of each: setns(2) */                   \
  STEP(set_tid, "set_tid", "N")          /* pids of the program, from its own pid namespace outwards: clone3(2) */     \
  STEP(fork, "fork", "")                 /* go on in a child: to enter a joined pid namespace */                       \
  STEP(unshare, "unshare", "uzzzz")      /* flags, setgroups, uid_map, gid_map, timens_offsets */                      \
  STEP(hostname, "hostname", "s")        /* sethostname(2) */                                                          \
  STEP(domainname, "domainname", "s")    /* setdomainname(2) */                                                        \
  STEP(loopback, "loopback", "")         /* bring lo up: netdevice(7) */                                               \
  STEP(make_net, "make_net", "")         /* begins a network namespace with lo up: see net.c */                        \
  STEP(enter_net, "enter_net", "")       /* enters it, once it is made: setns(2) */                                    \
  STEP(propagation, "propagation", "su") /* path, MS_* flags: mount(2) */                                              \
  STEP(trees, "trees", "S")              /* paths, of files to be put elsewhere: open_tree(2) */                       \
  STEP(host_files, "host_files", "sS")   /* directory in a new root, and a name in it for each of the trees */         \
  STEP(umount, "umount", "su")           /* target, flags: umount2(2) */                                               \
  STEP(fs, "fs", "szSuzu")               /* type, source, parameters, MOUNT_ATTR_*, target, PLAN_*: fsopen(2) */       \
  STEP(tree, "tree", "zFuuuuFz")         /* see mounts.c */                                                            \
  STEP(overlay, "overlay", "SzzSuzu")    /* lower, upper, work, parameters, MOUNT_ATTR_*, target, PLAN_* */            \
  STEP(remount, "remount", "suuuS")      /* path, 1: recursive, set, cleared, parameters: mount_setattr(2) */          \
  STEP(move, "move", "ss")               /* a mount, target: move_mount(2) */                                          \
  STEP(seal, "seal", "suu")              /* path, MOUNT_ATTR_* that it is to have, PLAN_* */                           \
  STEP(mask, "mask", "su")               /* what is to be hidden; 1: if it exists */                                   \
  STEP(data, "data", "subFu")            /* target, mode, contents or descriptor, MOUNT_ATTR_* */                      \
  STEP(owner, "owner", "uu")             /* uid, gid: whose files are that are made from here on */                    \
  STEP(make_dir, "make_dir", "suu")      /* path, mode (PLAN_UNCHANGED), PLAN_* */                                     \
  STEP(make_link, "make_link", "ss")     /* path, what it is to say */                                                 \
  STEP(make_file, "make_file", "subF")   /* path, mode, contents, or a descriptor to copy from */                      \
  STEP(chmod, "chmod", "su")             /* path, mode */                                                              \
  STEP(nest, "nest", "uzzz")             /* flags, setgroups, uid_map, gid_map of a user namespace below: nest.c */    \
  STEP(enter_nest, "enter_nest", "u")    /* enters it; flags to unshare there: setns(2) */                             \
  STEP(namespaces, "namespaces", "N")    /* CLONE_NEW* flags: those it is in are sent back, see nest.c */              \
  STEP(open_file, "open_file", "suu")    /* path in the root, open(2) flags, mode: sent back as a descriptor */        \
  STEP(save_file, "save_file", "suubF")  /* the same, and contents, or a descriptor to copy from: written here */      \
  STEP(list, "list", "suu")        /* path in the root, most bytes, most entries: names and types sent as data */      \
  STEP(changes, "changes", "ffuu") /* upper layer, those below, most bytes, most entries: sent back as data */         \
  STEP(mount_points, "mount_points", "") /* those that were made on the host: pairs of descriptors, see points.c */    \
  STEP(unmake, "unmake", "F")            /* takes them away again */                                                   \
  STEP(pivot_root, "pivot_root", "zz")   /* new root, old root's place; null: the one made by steps, none */           \
  STEP(write_file, "write_file", "sub")  /* path, open(2) flags, data in one write(2) */                               \
  STEP(try_write_file, "try_write_file", "sub") /* the same, and no failure where the file cannot be opened */         \
  STEP(read_file, "read_file", "su")            /* path, most bytes: sent back as data */                              \
  STEP(mountinfo, "mountinfo", "")              /* sent back as data: proc_pid_mountinfo(5) */                         \
  STEP(socket, "socket", "uuu")                 /* domain, type, protocol: sent back as a descriptor */                \
  STEP(tun, "tun", "suuuu")                     /* name, IFF_* flags, owner, group, persistent: TUNSETIFF */           \
  STEP(netns_directory, "netns_directory", "s") /* path: a directory that is a shared mount: ip-netns(8) */            \
  STEP(netns_add, "netns_add", "sF")            /* path of a new file; a namespace, or none for this task's network */ \
  STEP(netns_clear, "netns_clear", "s")         /* path of a file that waits for its mount, if it was left */          \
  STEP(netns_remove, "netns_remove", "s")       /* path */                                                             \
  STEP(cover, "cover", "ss")                    /* a file of the host, what it lies over if that is there: netns.c */  \
  STEP(oom_score_adj, "oom_score_adj", "s")     /* text for /proc/self/oom_score_adj: proc_pid_oom_score_adj(5) */     \
  STEP(raise_limits, "raise_limits", "N")       /* resource, hard, and so on: hard limits that are lower */            \
  STEP(rlimits, "rlimits", "N")   /* resource, soft, hard, and so on; also PLAN_INFINITY, PLAN_AS_IS: prlimit(2) */    \
  STEP(priority, "priority", "u") /* nice value: setpriority(2) */                                                     \
  STEP(umask, "umask", "u")       /* umask(2) */                                                                       \
  STEP(affinity, "affinity", "N") /* processors: sched_setaffinity(2) */                                               \
  STEP(personality, "personality", "u")       /* personality(2) */                                                     \
  STEP(keep_caps, "keep_caps", "")            /* through the change of ids that follows: PR_SET_KEEPCAPS(2const) */    \
  STEP(capabilities, "capabilities", "uuuuu") /* bounding, inheritable, ambient, securebits, 1: see creds.c */         \
  STEP(pty, "pty", "uu")                      /* columns, rows: a new terminal, its other end sent back: pty(7) */     \
  STEP(foreground, "foreground", "f")    /* a process group of its own, in front on this terminal: tcsetpgrp(3) */     \
  STEP(setsid, "setsid", "")             /* a session of its own: setsid(2) */                                         \
  STEP(fchdir, "fchdir", "f")            /* fchdir(2) */                                                               \
  STEP(chroot, "chroot", "s")            /* and chdir there: chroot(2) */                                              \
  STEP(chdir, "chdir", "su")             /* path; 1: where it does not exist, the root instead */                      \
  STEP(ids, "ids", "uuuN")               /* uid, gid (PLAN_UNCHANGED), 1 if groups follow, groups */                   \
  STEP(default_ids, "default_ids", "")   /* 0:0 where the user namespace maps it, else unchanged */                    \
  STEP(no_new_privs, "no_new_privs", "") /* PR_SET_NO_NEW_PRIVS(2const) */                                             \
  STEP(new_keyring, "new_keyring", "")   /* an empty session keyring: session-keyring(7) */                            \
  STEP(lower_caps, "lower_caps", "")     /* empty the ambient and inheritable sets: capabilities(7) */                 \
  STEP(die_with_parent, "die_with_parent", "uu") /* signal, Node's pid: PR_SET_PDEATHSIG(2const) */                    \
  STEP(stdio, "stdio", "F")                      /* these become 0, 1, 2, ... */                                       \
  STEP(init, "init", "u")                        /* stay as init, go on in a child; 1: dies with the parent */         \
  STEP(seccomp, "seccomp", "bu")                 /* a BPF program, flags; in force from the exec on: seccomp(2) */     \
  STEP(exec, "exec", "sSS")                      /* file, argv, env; PATH is searched: execve(2) */                    \
  STEP(outlive, "outlive", "")                   /* before hold: not to end with Node, but with its last process */    \
  STEP(hold, "hold", "")                         /* keep the namespaces: as init in a pid namespace */                 \
  STEP(exit, "exit", "")                         /* all is done */

#endif
