/* Prints the steps of src/plan/steps.h, one a line, with the names of their fields: for steps.test.ts. */
#include <stdio.h>

int main(void) {
#define STEP(identifier, speech, fields) puts(#identifier fields);
#define FIELD(kind, name) " " #name
#include "../../src/plan/steps.h"
  return 0;
}
