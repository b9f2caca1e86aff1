#ifndef PARTOO_BUILD_INFO_H
#define PARTOO_BUILD_INFO_H

/// The git commit that was built, "unknown" outside a checkout. The manifest hands it in, so that a new commit compiles
/// one C file again and no Swift.
const char *partoo_build_revision(void);

#endif
