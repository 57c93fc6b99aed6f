/*
 * Traffic between two network namespaces. The two ends are processes, as pods are (a change from one to the other costs
 * the change of an address space), forked from this one program; each of their threads is pinned to the core it is told.
 *
 *   traffic MEASURE CLIENT_NETNS SERVER_NETNS SERVER_IP MS CLIENT_CPU SERVER_CPU
 *
 * MEASURE: stream; stream4 (two pairs on each core); rr, a byte there and a byte back; crr, the same with a connection
 * for each; udp; and without packets spin (a fixed loop) and rest. One JSON line to stdout: how long it was measured,
 * what was counted in that time (bytes, transactions, packets, turns), how long the cores were busy by /proc/stat (a
 * softirq may be in no thread's account), the two processes' own CPU time, and round trips.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

struct shared *shared;
struct in_addr server_ip;
static const char *client_netns, *server_netns;

void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

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

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

/* Only this thread enters. */
static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	must(fd >= 0, netns);
	must(setns(fd, CLONE_NEWNET) == 0, "setns");
	close(fd);
}

static void spin(struct pair *pair)
{
	volatile uint64_t turns = 0;

	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping) {
		for (int i = 0; i < 10000; i++)
			turns++;
		pair->count += 10000;
	}
}

static void idle(struct pair *pair)
{
	pthread_barrier_wait(&shared->listening);
	pthread_barrier_wait(&shared->connected);
}

static void rest(struct pair *pair)
{
	pthread_barrier_wait(&shared->connected);
}

static const struct measure {
	const char *name;
	end_fn client, server;
	int pairs;
} measures[] = {
	{ "stream", stream_client, stream_server, 1 },
	{ "stream4", stream_client, stream_server, 4 },
	{ "rr", rr_client, transaction_server, 1 },
	{ "crr", crr_client, transaction_server, 1 },
	{ "udp", udp_client, udp_server, 1 },
	{ "spin", spin, idle, 1 },
	{ "rest", rest, idle, 1 },
}, *measure;

static void *client_thread(void *argument)
{
	struct pair *pair = argument;

	pin(pair->client_cpu);
	enter(client_netns);
	pthread_barrier_wait(&shared->listening);
	measure->client(pair);
	return NULL;
}

static void *server_thread(void *argument)
{
	struct pair *pair = argument;

	pin(pair->server_cpu);
	enter(server_netns);
	measure->server(pair);
	return NULL;
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

static uint64_t counted(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < measure->pairs; i++)
		sum += shared->pairs[i].count;
	return sum;
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

static void run(uint64_t ms, int cpu_a, int cpu_b, pid_t server)
{
	uint64_t began, took_ns, count, busy_us, cpu_us;
	clockid_t server_clock;
	int two = cpu_a != cpu_b;

	must(clock_getcpuclockid(server, &server_clock) == 0, "clock_getcpuclockid");
	pthread_barrier_wait(&shared->connected);
	/* Until TCP's windows are open and the caches know the way. */
	sleep_ms(ms / 8 + 10);
	busy_us = -(idle_us(cpu_a) + (two ? idle_us(cpu_b) : 0));
	began = now_ns();
	count = counted();
	cpu_us = own_us(server_clock);
	shared->measuring = 1;
	sleep_ms(ms);
	shared->measuring = 0;
	count = counted() - count;
	cpu_us = own_us(server_clock) - cpu_us;
	took_ns = now_ns() - began;
	busy_us += idle_us(cpu_a) + (two ? idle_us(cpu_b) : 0);
	shared->stopping = 1;
	busy_us = took_ns / 1000 * (two ? 2 : 1) - busy_us;
	printf("{\"seconds\":%.6f,\"count\":%llu,\"busyUs\":%lld,\"ownUs\":%llu,\"p50Us\":%.2f,\"p99Us\":%.2f}\n", took_ns / 1e9,
	       (unsigned long long)count, (long long)busy_us, (unsigned long long)cpu_us, round_trip_us(0.5), round_trip_us(0.99));
}

static const struct measure *named(const char *name)
{
	for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
		if (!strcmp(measures[i].name, name))
			return &measures[i];
	return NULL;
}

static void share(const int cpus[2])
{
	pthread_barrierattr_t attributes;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->listening, &attributes, 2 * measure->pairs);
	pthread_barrier_init(&shared->connected, &attributes, 2 * measure->pairs + 1);
	for (int i = 0; i < measure->pairs; i++) {
		struct pair *pair = &shared->pairs[i];
		int spread = measure->pairs > 1;

		pair->number = i;
		/* Several streams spread as flows do over the queues of a NIC: each with both its ends on one core. */
		pair->client_cpu = spread ? cpus[i % 2] : cpus[0];
		pair->server_cpu = spread ? cpus[i % 2] : cpus[1];
	}
}

/* A server that failed has said why; its client would wait for it at a barrier for ever. */
static void server_ended(int signal, siginfo_t *how, void *context)
{
	if (how->si_status != 0)
		_exit(1);
}

static void start(pthread_t *threads, void *(*thread)(void *))
{
	for (int i = 0; i < measure->pairs; i++)
		must(pthread_create(&threads[i], NULL, thread, &shared->pairs[i]) == 0, "pthread_create");
}

static void join(const pthread_t *threads)
{
	for (int i = 0; i < measure->pairs; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST_PAIRS];
	struct sigaction on_end = { .sa_sigaction = server_ended, .sa_flags = SA_SIGINFO | SA_RESTART };
	int cpus[2], status;
	pid_t server;

	if (argc != 8 || !(measure = named(argv[1])) || inet_pton(AF_INET, argv[4], &server_ip) != 1) {
		fprintf(stderr, "usage: traffic MEASURE CLIENT_NETNS SERVER_NETNS SERVER_IP MS CLIENT_CPU SERVER_CPU\n");
		return 2;
	}
	client_netns = argv[2];
	server_netns = argv[3];
	cpus[0] = atoi(argv[6]);
	cpus[1] = atoi(argv[7]);
	share(cpus);
	must(sigaction(SIGCHLD, &on_end, NULL) == 0, "sigaction");
	server = fork();
	must(server >= 0, "fork");
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		start(threads, server_thread);
		join(threads);
		return 0;
	}
	start(threads, client_thread);
	run(strtoull(argv[5], NULL, 10), cpus[0], cpus[1], server);
	join(threads);
	must(waitpid(server, &status, 0) == server, "waitpid");
	return status != 0;
}
