/* What is counted in so many milliseconds, and the CPU time that it took. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void sleep_ms(uint64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

/* Microseconds that the core was idle since boot; the kernel tells them in ticks of 10 ms. */
static uint64_t idle_us(int cpu)
{
	unsigned long long user, nice, system, idle_ticks, iowait;
	FILE *stat = fopen("/proc/stat", "r");
	char line[512], name[16];
	uint64_t us = 0;

	must(stat != NULL, "/proc/stat");
	snprintf(name, sizeof name, "cpu%d ", cpu);
	while (fgets(line, sizeof line, stat))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), "%llu %llu %llu %llu %llu", &user, &nice, &system, &idle_ticks,
			   &iowait) == 5)
			us = (idle_ticks + iowait) * (1000000 / sysconf(_SC_CLK_TCK));
	fclose(stat);
	return us;
}

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	must(clock_gettime(clock, &t) == 0, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t own_us(clockid_t server)
{
	return clock_us(CLOCK_PROCESS_CPUTIME_ID) + clock_us(server);
}

void measure_for(uint64_t ms, const int cpus[2], pid_t server)
{
	uint64_t began, took_ns, count, busy_us, cpu_us;
	clockid_t server_clock;
	int cpu_a = cpus[0], cpu_b = cpus[1], two = cpu_a != cpu_b;

	must(clock_getcpuclockid(server, &server_clock) == 0, "clock_getcpuclockid");
	pthread_barrier_wait(&shared->connected);
	/* Until TCP's windows are open and the caches know the way. */
	sleep_ms(ms / 8 + 10);
	busy_us = -(idle_us(cpu_a) + (two ? idle_us(cpu_b) : 0));
	began = now_ns();
	count = shared->count;
	cpu_us = own_us(server_clock);
	shared->measuring = 1;
	sleep_ms(ms);
	shared->measuring = 0;
	count = shared->count - count;
	cpu_us = own_us(server_clock) - cpu_us;
	took_ns = now_ns() - began;
	busy_us += idle_us(cpu_a) + (two ? idle_us(cpu_b) : 0);
	shared->stopping = 1;
	busy_us = took_ns / 1000 * (two ? 2 : 1) - busy_us;
	printf("{\"seconds\":%.6f,\"count\":%llu,\"busyUs\":%lld,\"ownUs\":%llu,\"p50Us\":%.2f,\"p99Us\":%.2f}\n", took_ns / 1e9,
	       (unsigned long long)count, (long long)busy_us, (unsigned long long)cpu_us, round_trip_us(0.5), round_trip_us(0.99));
}
