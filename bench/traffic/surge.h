/* What the generator of an open load and its stopwatch agree on. */
#ifndef SURGE_H
#define SURGE_H

#include <stdint.h>

#include "histogram.h"

#define MOST_CORES 64
#define MOST_FLOWS 64

struct surge_order {
	/* Requests a second: of the step, and before it those that bring the path where the last step left it. */
	double rate, from_rate;
	uint64_t seed;
	int poisson;
	/* No schedule: each flow asks again when it has its answer, whatever the rates. */
	int closed;
	/* Clients that take turns, or the askers of a closed load. */
	int flows;
	/* Before what counts: in all, and of it the end that has the step's own rate already. */
	uint64_t lead_ns, settle_ns, measured_ns;
	/* Where the server's threads run, one on each. */
	int server_cpus[MOST_CORES], server_count;
};

/* In the client's process: it and the stopwatch are threads of one. */
struct surge_outcome {
	/* Set before the barrier `connected`: when the requests that count begin. */
	uint64_t from_ns;
	/* Of those that count: on the schedule, sent, answered. */
	uint64_t due, sent, answered;
	struct histogram latency, lateness;
};

extern struct surge_order surge_order;
extern struct surge_outcome surge_outcome;

/* The client of a closed load. */
void surge_askers(void);

/* @return whether the arguments RATE FROM_RATE SEED constant|poisson|closed FLOWS and the server's cores make an order */
int parse_surge(uint64_t ms, const char *server_cpus, char **arguments);

#endif
