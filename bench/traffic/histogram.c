/* Slots as in Gil Tene's HdrHistogram: the highest bits of a number choose its slot. */
#include "histogram.h"

#define IN_OCTAVE (1u << SLOT_BITS)

static unsigned slot_of(uint64_t ns)
{
	unsigned shift;

	if (ns < IN_OCTAVE)
		return (unsigned)ns;
	shift = 63 - SLOT_BITS - (unsigned)__builtin_clzll(ns);
	return ((shift + 1) << SLOT_BITS) + (unsigned)(ns >> shift) - IN_OCTAVE;
}

static double middle_ns(unsigned slot)
{
	unsigned shift;

	if (slot < IN_OCTAVE)
		return slot;
	shift = (slot >> SLOT_BITS) - 1;
	return ((double)(IN_OCTAVE + (slot & (IN_OCTAVE - 1))) + 0.5) * (double)(1ull << shift);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->slots[slot_of(ns)]++;
	histogram->count++;
	if (ns > histogram->most_ns)
		histogram->most_ns = ns;
}

double histogram_us(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->count), seen = 0;

	for (unsigned slot = 0; slot < SLOTS && histogram->count; slot++) {
		seen += histogram->slots[slot];
		if (seen > wanted || seen == histogram->count)
			return middle_ns(slot) / 1000;
	}
	return 0;
}
