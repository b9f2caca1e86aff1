#ifndef PARTOO_CLINUX_SHIM_H
#define PARTOO_CLINUX_SHIM_H

// Headers that Swift's Glibc module does not hold.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#endif
