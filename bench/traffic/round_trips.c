/* How long each transaction took, and quantiles of it. */
#include <stdlib.h>

#include "traffic.h"

#define MOST (1 << 20)

static uint32_t round_trips_ns[MOST];
static uint32_t count;

void record_round_trip(uint64_t began_ns)
{
	if (shared->measuring && count < MOST)
		round_trips_ns[count++] = (uint32_t)(now_ns() - began_ns);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

double round_trip_us(double share)
{
	qsort(round_trips_ns, count, sizeof *round_trips_ns, by_size);
	return count ? round_trips_ns[(uint32_t)(share * (count - 1))] / 1000.0 : 0;
}
