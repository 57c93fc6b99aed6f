/* One step of an open load: the cores' accounts from its first request that counts to its last, and the one line. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "surge.h"
#include "traffic.h"

struct surge_order surge_order;

int parse_surge(uint64_t ms, const char *server_cpus, char **arguments)
{
	char *rest = NULL;

	for (const char *at = server_cpus; surge_order.server_count < MOST_CORES; at = rest + 1) {
		surge_order.server_cpus[surge_order.server_count++] = (int)strtol(at, &rest, 10);
		if (*rest != ',')
			break;
	}
	surge_order.rate = atof(arguments[0]);
	surge_order.from_rate = atof(arguments[1]);
	surge_order.seed = strtoull(arguments[2], NULL, 10);
	surge_order.poisson = !strcmp(arguments[3], "poisson");
	surge_order.closed = !strcmp(arguments[3], "closed");
	surge_order.flows = atoi(arguments[4]);
	surge_order.measured_ns = ms * 1000000;
	surge_order.settle_ns = surge_order.measured_ns / 5;
	surge_order.lead_ns = 2 * surge_order.settle_ns;
	return rest && *rest == 0 && surge_order.rate > 0 && surge_order.from_rate > 0 && surge_order.flows > 0 &&
	       surge_order.flows <= MOST_FLOWS &&
	       (surge_order.poisson || surge_order.closed || !strcmp(arguments[3], "constant"));
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void print_line(const struct core_time *before, const struct core_time *after, int cores)
{
	const struct surge_outcome *o = &surge_outcome;

	printf("{\"seconds\":%.6f,\"due\":%llu,\"sent\":%llu,\"answered\":%llu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,"
	       "\"lateP50Us\":%.1f,\"lateP99Us\":%.1f,\"lateMostUs\":%.1f,\"cores\":[",
	       (double)surge_order.measured_ns / 1e9, (unsigned long long)o->due, (unsigned long long)o->sent,
	       (unsigned long long)o->answered, histogram_us(&o->latency, 0.5), histogram_us(&o->latency, 0.99),
	       histogram_us(&o->latency, 0.999), histogram_us(&o->lateness, 0.5), histogram_us(&o->lateness, 0.99),
	       (double)o->lateness.most_ns / 1000);
	for (int i = 0; i < cores; i++) {
		printf("%s", i ? "," : "");
		print_core(&before[i], &after[i]);
	}
	printf("]}\n");
}

/* On a core of the server's: a reading of the accounts there is a thousandth of it, on the client's it would be lateness. */
void surge_for(const int cpus[2], pthread_t client)
{
	struct core_time before[MOST_CORES + 1] = { 0 }, after[MOST_CORES + 1];
	int cores = surge_order.server_count + 1;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpus[1], &set);
	setpriority(PRIO_PROCESS, 0, -10);
	must(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
	for (int i = 0; i < cores; i++)
		before[i].cpu = i ? surge_order.server_cpus[i - 1] : cpus[0];
	memcpy(after, before, sizeof after);
	pthread_barrier_wait(&shared->connected);
	sleep_until(surge_outcome.from_ns);
	read_cores(before, cores);
	sleep_until(surge_outcome.from_ns + surge_order.measured_ns);
	read_cores(after, cores);
	pthread_join(client, NULL);
	shared->stopping = 1;
	print_line(before, after, cores);
}
