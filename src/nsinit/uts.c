/* Host and domain name: uts_namespaces(7). */
#include "nsinit.h"

void step_hostname(const struct plan_step *step) {
  long error = sys2(__NR_sethostname, step->field[0].bytes, step->field[0].size);
  if (error < 0) {
    fail("sethostname", error, NULL);
  }
}

void step_domainname(const struct plan_step *step) {
  long error = sys2(__NR_setdomainname, step->field[0].bytes, step->field[0].size);
  if (error < 0) {
    fail("setdomainname", error, NULL);
  }
}
