#ifndef FORGED_LATENCY_H
#define FORGED_LATENCY_H

// A library for LD_PRELOAD, to be put before libcurl. Whatever a HEAD request took, libcurl then says that the n-th one (from
// 0, in the whole process) took 2^((n + 1/2) / 8) milliseconds: each in the middle of another bucket of a native histogram
// of schema 3. Other requests, the API's, take what they take.

#endif
