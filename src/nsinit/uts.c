/* Host and domain name: uts_namespaces(7). */
#include "nsinit.h"

void step_hostname(const struct plan_step *step) {
  must(sys2(__NR_sethostname, step->field[0].bytes, step->field[0].size), "sethostname", NULL);
}

void step_domainname(const struct plan_step *step) {
  must(sys2(__NR_setdomainname, step->field[0].bytes, step->field[0].size), "setdomainname", NULL);
}
