// Buckets of addresses, which share an epoch.
#pragma once
#include "../abi.h"
#include "bytes.h"

// The bucket of an address; `bucketOf` in TypeScript computes the same.
static __always_inline __u32 bucket_of(const void *address)
{
	return ((word(address, 0) ^ word(address, 1)) * 0x9e3779b97f4a7c15ull) >> 52;
}
