#include "build_info.h"

#ifndef PARTOO_REVISION
#define PARTOO_REVISION "unknown"
#endif

const char *partoo_build_revision(void) { return PARTOO_REVISION; }
