/* Host and domain name: uts_namespaces(7). */
#include "nsinit.h"

void step_hostname(const struct step_hostname *step) {
  must(sys2(__NR_sethostname, step->name.bytes, step->name.size), "sethostname", NULL);
}

void step_domainname(const struct step_domainname *step) {
  must(sys2(__NR_setdomainname, step->name.bytes, step->name.size), "setdomainname", NULL);
}
