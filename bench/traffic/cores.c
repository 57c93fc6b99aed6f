/*
 * What a core did since boot. /proc/stat tells it in ticks of 10 ms, and all but idle by samples of the timer (250 a
 * second here); /proc/timer_list tells a core's idle time to the nanosecond, to root, on a kernel without a constant tick.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

static uint64_t ticks_us(unsigned long long ticks)
{
	return ticks * (1000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void read_stat(struct core_time *cores, int count)
{
	unsigned long long user, nice, system, idle, iowait, irq, softirq;
	FILE *stat = fopen("/proc/stat", "r");
	char line[512];
	int cpu;

	must(stat != NULL, "/proc/stat");
	while (fgets(line, sizeof line, stat)) {
		if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu", &cpu, &user, &nice, &system, &idle, &iowait,
			   &irq, &softirq) != 8)
			continue;
		for (int i = 0; i < count; i++)
			if (cores[i].cpu == cpu) {
				cores[i].user_us = ticks_us(user + nice);
				cores[i].system_us = ticks_us(system);
				cores[i].softirq_us = ticks_us(irq + softirq);
				cores[i].idle_ns = ticks_us(idle + iowait) * 1000;
			}
	}
	fclose(stat);
}

/* Leaves what /proc/stat said where the file is not there or tells no idle time. */
static void read_idle_ns(struct core_time *cores, int count)
{
	FILE *list = fopen("/proc/timer_list", "r");
	unsigned long long idle, iowait;
	struct core_time *core = NULL;
	char line[512];
	int cpu;

	if (!list)
		return;
	while (fgets(line, sizeof line, list)) {
		if (sscanf(line, "cpu: %d", &cpu) == 1) {
			core = NULL;
			for (int i = 0; i < count; i++)
				if (cores[i].cpu == cpu)
					core = &cores[i];
		} else if (core && sscanf(line, " .idle_sleeptime : %llu", &idle) == 1)
			core->idle_ns = idle;
		else if (core && sscanf(line, " .iowait_sleeptime : %llu", &iowait) == 1)
			core->idle_ns += iowait;
	}
	fclose(list);
}

/* One line for each core that is up, in hexadecimal; the core's number stands in the 13th column. */
static void read_backlog(struct core_time *cores, int count)
{
	FILE *softnet = fopen("/proc/net/softnet_stat", "r");
	unsigned dropped, squeezed, cpu;
	char line[512];

	must(softnet != NULL, "/proc/net/softnet_stat");
	while (fgets(line, sizeof line, softnet)) {
		if (sscanf(line, "%*x %x %x %*x %*x %*x %*x %*x %*x %*x %*x %*x %x", &dropped, &squeezed, &cpu) != 3)
			continue;
		for (int i = 0; i < count; i++)
			if (cores[i].cpu == (int)cpu) {
				cores[i].dropped = dropped;
				cores[i].squeezed = squeezed;
			}
	}
	fclose(softnet);
}

void read_cores(struct core_time *cores, int count)
{
	read_stat(cores, count);
	read_idle_ns(cores, count);
	read_backlog(cores, count);
	for (int i = 0; i < count; i++)
		cores[i].at_ns = now_ns();
}

void print_core(const struct core_time *before, const struct core_time *after)
{
	uint64_t elapsed_us = (after->at_ns - before->at_ns) / 1000, idle_us = (after->idle_ns - before->idle_ns) / 1000;

	printf("{\"cpu\":%d,\"elapsedUs\":%llu,\"busyUs\":%llu,\"userUs\":%llu,\"systemUs\":%llu,\"softirqUs\":%llu,"
	       "\"dropped\":%u,\"squeezed\":%u}",
	       before->cpu, (unsigned long long)elapsed_us,
	       (unsigned long long)(idle_us < elapsed_us ? elapsed_us - idle_us : 0),
	       (unsigned long long)(after->user_us - before->user_us),
	       (unsigned long long)(after->system_us - before->system_us),
	       (unsigned long long)(after->softirq_us - before->softirq_us), after->dropped - before->dropped,
	       after->squeezed - before->squeezed);
}
