#ifndef PARTOO_CCRYPT_SHIM_H
#define PARTOO_CCRYPT_SHIM_H

#include <crypt.h>

#endif
