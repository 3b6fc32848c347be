/* Ids, groups, capabilities: credentials(7), capabilities(7). */
#include "nsinit.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

static void set_groups(const struct plan_field *groups) {
  /* They are packed in place: the kernel's have 4 bytes and ours 8, so a write never overtakes the read. */
  char *packed = task.plan + (groups->bytes - task.plan);
  for (uint32_t i = 0; i < groups->size; i++) {
    uint32_t id = (uint32_t)plan_list_number(groups, i);
    __builtin_memcpy(packed + (size_t)i * sizeof(id), &id, sizeof(id));
  }
  must(sys2(__NR_setgroups, groups->size, packed), "setgroups", NULL);
}

static void set_ids(long number, const char *name, uint64_t id) {
  long error = id == PLAN_UNCHANGED ? 0 : sys3(number, id, id, id);
  if (error < 0) {
    fail(name, error, NULL);
  }
}

/* Groups come first, then the gid, then the uid: changing the uid takes away the capability that the others need. */
void step_ids(const struct step_ids *step) {
  if (step->set_groups.number != 0) {
    set_groups(&step->groups);
  }
  set_ids(__NR_setresgid, "setresgid", step->gid.number);
  set_ids(__NR_setresuid, "setresuid", step->uid.number);
}

/* False where the user namespace does not map id 0: EINVAL, setresuid(2). */
static bool become_zero(long number, const char *name) {
  long error = sys3(number, 0, 0, 0);
  if (error != -EINVAL) {
    must(error, name, NULL);
  }
  return error == 0;
}

/*
 * A user namespace may deny setgroups(2) for good: user_namespaces(7). If it says "allow", somebody else has refused
 * the call. Without a /proc to ask, it is taken for denied.
 */
static bool denies_setgroups(void) {
  char text[8] = "";
  long fd = sys4(__NR_openat, AT_FDCWD, "/proc/self/setgroups", O_RDONLY | O_CLOEXEC, 0);
  long size = fd < 0 ? fd : sys3(__NR_read, fd, text, sizeof(text));
  if (fd >= 0) {
    sys_close(fd);
  }
  return size < 0 || !text_equal(text, "allow", sizeof("allow") - 1);
}

/*
 * The task becomes 0:0 where the user namespace maps these ids, as with nsenter(1), and else keeps its ids. With the
 * ids it drops the groups from outside, where setgroups is allowed at all.
 */
void step_default_ids(const struct step_default_ids *step) {
  (void)step;
  if (must(sys0(__NR_getgid), "getgid", NULL) != 0 && become_zero(__NR_setresgid, "setresgid")) {
    long error = sys2(__NR_setgroups, 0, 0);
    if (error != -EPERM || !denies_setgroups()) {
      must(error, "setgroups", NULL);
    }
  }
  if (must(sys0(__NR_getuid), "getuid", NULL) != 0) {
    become_zero(__NR_setresuid, "setresuid");
  }
}

void step_no_new_privs(const struct step_no_new_privs *step) {
  (void)step;
  must(sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", NULL);
}

/*
 * Joins a new session keyring. The inherited one belongs to the login: the program could read its keys, and leave keys
 * in it. If the kernel has no keys (ENOSYS), or a filter refuses the call to everybody in here (EPERM), no keys can be
 * reached.
 */
void step_new_keyring(const struct step_new_keyring *step) {
  (void)step;
  long error = sys2(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
  if (error < 0 && error != -ENOSYS && error != -EPERM) {
    fail("keyctl", error, NULL);
  }
}

/* The child of clone3 raised these so that nsinit would have capabilities; the program gets what its ids give it. */
void step_lower_caps(const struct step_lower_caps *step) {
  (void)step;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  must(sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl", NULL);
  must(sys2(__NR_capget, &header, data), "capget", NULL);
  data[0].inheritable = 0;
  data[1].inheritable = 0;
  must(sys2(__NR_capset, &header, data), "capset", NULL);
}

/*
 * EPERM: the securebit is locked. The change of ids then takes the capabilities away, and the step `capabilities` finds
 * that they are gone.
 */
void step_keep_caps(const struct step_keep_caps *step) {
  (void)step;
  long error = sys5(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (error != -EPERM) {
    must(error, "prctl", NULL);
  }
}

#define CAPABILITIES 64
#define BIT(capability) (1ull << (capability))

struct sets {
  uint64_t permitted;
  uint64_t inheritable;
  uint64_t ambient;
  uint64_t bounding;
};

/* Fails with a detail for hints: the set that could not be had and the capabilities concerned, "ambient:1024". */
static _Noreturn void refuse_caps(const char *syscall, long error, const char *what, uint64_t capabilities) {
  char detail[64];
  size_t length = text_length(what);
  detail[sizeof(detail) - 1] = '\0';
  char *digits = text_number(detail + sizeof(detail) - 1, capabilities);
  char *start = digits - 1 - length;
  __builtin_memcpy(start, what, length);
  start[length] = ':';
  fail_with(syscall, error, NULL, start);
}

/*
 * Asks for each capability. The kernel answers EINVAL for those that it does not know, which are the last ones, since
 * their numbers have no gap. A capability that this task has is known. Were one left out, the program would keep it.
 */
static uint64_t each_capability(long option, long argument, uint64_t held) {
  uint64_t set = 0;
  bool ambient = option == PR_CAP_AMBIENT;
  bool known = true;
  for (int capability = 0; capability < CAPABILITIES; capability++) {
    long is = sys5(__NR_prctl, option, ambient ? argument : capability, ambient ? capability : 0, 0, 0);
    bool missing = is < 0 && (is != -EINVAL || capability == 0 || (held & BIT(capability)) != 0);
    if (missing || (is >= 0 && !known)) {
      fail("prctl", is < 0 ? is : -EINVAL, NULL);
    }
    known = is >= 0;
    set |= is > 0 ? BIT(capability) : 0;
  }
  return set;
}

static struct sets current_sets(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  must(sys2(__NR_capget, &header, data), "capget", NULL);
  struct sets now = {
      .permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted,
      .inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable,
  };
  now.bounding = each_capability(PR_CAPBSET_READ, 0, now.permitted);
  /* Only a capability that is in both sets can be ambient: capabilities(7). After joining a user namespace none is. */
  if ((now.permitted & now.inheritable) != 0) {
    now.ambient = each_capability(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, now.permitted);
  }
  return now;
}

static long set_capabilities(uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    data[i].permitted = (uint32_t)(permitted >> 32 * i);
    data[i].effective = data[i].permitted;
    data[i].inheritable = (uint32_t)(inheritable >> 32 * i);
  }
  return sys2(__NR_capset, &header, data);
}

static void set_ambient(uint64_t ambient) {
  must(sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl", NULL);
  for (int capability = 0; capability < CAPABILITIES; capability++) {
    if ((ambient & BIT(capability)) == 0) {
      continue;
    }
    long error = sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    if (error < 0) {
      refuse_caps("prctl", error, "ambient", BIT(capability));
    }
  }
}

/* Needs CAP_SETPCAP: PR_CAPBSET_DROP(2const). */
static void drop_from_bounding(uint64_t dropped) {
  for (int capability = 0; capability < CAPABILITIES; capability++) {
    if ((dropped & BIT(capability)) == 0) {
      continue;
    }
    long error = sys5(__NR_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (error < 0) {
      refuse_caps("prctl", error, "limit", dropped);
    }
  }
}

static void set_securebits(uint64_t bits) {
  long error = bits == PLAN_UNCHANGED ? 0 : sys5(__NR_prctl, PR_SET_SECUREBITS, bits, 0, 0, 0);
  if (error < 0) {
    refuse_caps("prctl", error, "securebits", bits);
  }
}

/*
 * True where execve gives this user all that the bounding set allows: capabilities(7), "Capabilities and execution of
 * programs by root".
 */
static bool privileged_by_id(uint64_t securebits) {
  uint64_t bits = securebits;
  if (bits == PLAN_UNCHANGED) {
    bits = (uint64_t)must(sys5(__NR_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0), "prctl", NULL);
  }
  long real = must(sys0(__NR_getuid), "getuid", NULL);
  long effective = must(sys0(__NR_geteuid), "geteuid", NULL);
  return (bits & SECBIT_NOROOT) == 0 && (real == 0 || effective == 0);
}

/*
 * Checks the request before anything is changed, and fails with words of its own: capset(2) and prctl(2) only say
 * EPERM.
 */
static void check_held(const struct sets *now, const struct sets *wanted) {
  uint64_t missing = wanted->ambient & ~now->permitted;
  if (missing != 0) {
    refuse_caps("capset", -EPERM, "permitted", missing);
  }
  missing = wanted->bounding & ~now->bounding;
  if (missing != 0) {
    refuse_caps("prctl", -EPERM, "bounding", missing);
  }
}

/*
 * The order matters. Limiting the bounding set needs a capability that the permitted set may not keep, and the
 * securebits may forbid raising the ambient set. In the end the permitted set is exactly the one that execve will make
 * of it. So the exec finds what the program would find, and does not count as a gain of privilege, which would clear
 * PR_SET_PDEATHSIG.
 */
void step_capabilities(const struct step_capabilities *step) {
  uint64_t securebits = step->securebits.number;
  bool as_root = privileged_by_id(securebits);
  bool empty = as_root && step->except_root.number != 0;
  struct sets now = current_sets();
  struct sets wanted = now;
  if (step->bounding.number != PLAN_UNCHANGED) {
    wanted.bounding = step->bounding.number;
  }
  if (step->inheritable.number != PLAN_UNCHANGED) {
    wanted.inheritable = empty ? 0 : step->inheritable.number;
  }
  if (step->ambient.number != PLAN_UNCHANGED) {
    wanted.ambient = empty ? 0 : step->ambient.number;
  }
  check_held(&now, &wanted);
  long error = set_capabilities(now.permitted, wanted.inheritable);
  if (error < 0) {
    refuse_caps("capset", error, "inheritable", wanted.inheritable & ~(now.inheritable | now.permitted));
  }
  wanted.ambient &= wanted.inheritable;
  if (wanted.ambient != now.ambient) {
    set_ambient(wanted.ambient);
  }
  drop_from_bounding(now.bounding & ~wanted.bounding);
  set_securebits(securebits);
  wanted.permitted = as_root ? now.permitted & (wanted.bounding | wanted.inheritable) : wanted.ambient;
  must(set_capabilities(wanted.permitted, wanted.inheritable), "capset", NULL);
}
