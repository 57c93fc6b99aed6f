// Copies and compares in the largest words: of bytes with no known alignment the compiler would move one at a time.
// Unaligned words are fine in packets and map values; what stands on the stack must be aligned, as the verifier says.
#pragma once
#include <linux/types.h>

static __always_inline __u64 word(const void *at, int index)
{
	return ((const __u64 *)at)[index];
}

// `bytes` is a constant, and even.
static __always_inline void copy(void *to, const void *from, int bytes)
{
	int at = 0;

#pragma unroll
	for (; at + 8 <= bytes; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
	if (at + 4 <= bytes) {
		*(__u32 *)(to + at) = *(const __u32 *)(from + at);
		at += 4;
	}
	if (at + 2 <= bytes)
		*(__u16 *)(to + at) = *(const __u16 *)(from + at);
}

// In two steps: on the stack a MAC stands at an address that is divisible by four.
static __always_inline void copy_mac(void *to, const void *from)
{
	*(__u32 *)to = *(const __u32 *)from;
	*(__u16 *)(to + 4) = *(const __u16 *)(from + 4);
}

static __always_inline int same_mac(const void *a, const void *b)
{
	return *(const __u32 *)a == *(const __u32 *)b && *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

static __always_inline int is_zero_mac(const void *a)
{
	return !(*(const __u32 *)a | *(const __u16 *)(a + 4));
}

static __always_inline int same_address(const void *a, const void *b)
{
	return word(a, 0) == word(b, 0) && word(a, 1) == word(b, 1);
}
