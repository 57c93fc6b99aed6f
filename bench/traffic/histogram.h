/* How often a time of so many nanoseconds came, in slots that grow with it: 3 % wide, for any number of samples. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

/* 2^5 slots for each power of two. */
#define SLOT_BITS 5
#define SLOTS ((65 - SLOT_BITS) << SLOT_BITS)

struct histogram {
	uint64_t slots[SLOTS], count, most_ns;
};

void histogram_add(struct histogram *histogram, uint64_t ns);
/* The time below which the share lies, as the middle of its slot. 0 without samples. */
double histogram_us(const struct histogram *histogram, double share);

#endif
