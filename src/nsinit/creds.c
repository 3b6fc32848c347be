/* Ids, groups, capabilities: credentials(7), capabilities(7). */
#include "nsinit.h"

#include <linux/capability.h>
#include <linux/prctl.h>

static void set_groups(const struct plan_field *groups) {
  /* Packed in place, 8 bytes each to the kernel's 4: a write never overtakes the read. */
  char *packed = task.plan + (groups->bytes - task.plan);
  for (uint32_t i = 0; i < groups->size; i++) {
    uint32_t id = (uint32_t)plan_list_number(groups, i);
    __builtin_memcpy(packed + (size_t)i * sizeof(id), &id, sizeof(id));
  }
  long error = sys2(__NR_setgroups, groups->size, packed);
  if (error < 0) {
    fail("setgroups", error, NULL);
  }
}

static void set_ids(long number, const char *name, uint64_t id) {
  long error = id == PLAN_UNCHANGED ? 0 : sys3(number, id, id, id);
  if (error < 0) {
    fail(name, error, NULL);
  }
}

/* Groups first, then gid, then uid: the last of them takes the capability that the others need. */
void step_ids(const struct plan_step *step) {
  if (step->field[2].number != 0) {
    set_groups(&step->field[3]);
  }
  set_ids(__NR_setresgid, "setresgid", step->field[1].number);
  set_ids(__NR_setresuid, "setresuid", step->field[0].number);
}

/*
 * 0:0 where the user namespace maps it, as nsenter(1) does; an id that is not mapped is EINVAL, and then the caller
 * stays who it is. Groups of the outside are dropped with the identity, where setgroups is allowed at all.
 */
void step_default_ids(const struct plan_step *step) {
  (void)step;
  if (sys0(__NR_getgid) != 0 && sys3(__NR_setresgid, 0, 0, 0) == 0) {
    sys2(__NR_setgroups, 0, 0);
  }
  if (sys0(__NR_getuid) != 0) {
    sys3(__NR_setresuid, 0, 0, 0);
  }
}

void step_no_new_privs(const struct plan_step *step) {
  (void)step;
  long error = sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (error < 0) {
    fail("prctl", error, NULL);
  }
}

/* The child of clone3 raised these so that nsinit would have capabilities; the program gets what its ids give it. */
void step_lower_caps(const struct plan_step *step) {
  (void)step;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  long error = sys2(__NR_capget, &header, data);
  if (error < 0) {
    fail("capget", error, NULL);
  }
  data[0].inheritable = 0;
  data[1].inheritable = 0;
  error = sys2(__NR_capset, &header, data);
  if (error < 0) {
    fail("capset", error, NULL);
  }
}
