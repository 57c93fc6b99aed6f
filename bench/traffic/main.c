/*
 * Traffic between two network namespaces. The two ends are processes, as pods are (a change from one to the other costs
 * the change of an address space), forked from this one program; each is pinned to the core it is told.
 *
 *   traffic MEASURE CLIENT_NETNS SERVER_NETNS SERVER_IP MS CLIENT_CPU SERVER_CPU
 *   traffic surge ... SERVER_CPU[,CPU]... RATE FROM_RATE SEED constant|poisson|closed FLOWS
 *
 * MEASURE: stream; rr, a byte there and a byte back; crr, the same with a connection
 * for each; udp; and without packets spin (a fixed loop) and rest. One JSON line to stdout: how long it was measured,
 * what was counted in that time (bytes, transactions, packets, turns), how long the cores were busy by /proc/stat (a
 * softirq may be in no thread's account), the two processes' own CPU time, and round trips. surge offers so many requests
 * a second whatever comes back, after a fifth of the time with FROM_RATE and a fifth to settle; closed, FLOWS askers
 * each wait for their answer instead. Its line is in surge_stopwatch.c.
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
#include <unistd.h>

#include "surge.h"
#include "traffic.h"

struct shared *shared;
struct in_addr server_ip;
static const char *client_netns, *server_netns;
/* The client's and the server's. */
static int cpus[2];

void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
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

static const struct measure {
	const char *name;
	end_fn client, server;
} measures[] = {
	{ "stream", stream_client, stream_server },
	{ "rr", rr_client, transaction_server },
	{ "crr", crr_client, transaction_server },
	{ "udp", udp_client, udp_server },
	{ "surge", surge_client, surge_server },
	{ "spin", spin, idle },
	{ "rest", rest, idle },
}, *measure;

/* A thread of its own: the stopwatch runs beside it, on any core. */
static void *client_thread(void *unused)
{
	pin(cpus[0]);
	enter(client_netns);
	pthread_barrier_wait(&shared->listening);
	measure->client();
	return NULL;
}

static void serve(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(cpus[1]);
	enter(server_netns);
	measure->server();
}

static const struct measure *named(const char *name)
{
	for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
		if (!strcmp(measures[i].name, name))
			return &measures[i];
	return NULL;
}

static void share(void)
{
	pthread_barrierattr_t attributes;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->listening, &attributes, 2);
	pthread_barrier_init(&shared->connected, &attributes, 3);
}

/* A server that failed has said why; its client would wait for it at a barrier for ever. */
static void server_ended(int signal, siginfo_t *how, void *context)
{
	if (how->si_status != 0)
		_exit(1);
}

/* @return whether the arguments say what is to be done */
static int parse(int argc, char **argv)
{
	int is_surge = argc == 13 && !strcmp(argv[1], "surge");

	if (argc != 8 && !is_surge)
		return 0;
	measure = named(argv[1]);
	if (!measure || (measure->client == surge_client) != is_surge || inet_pton(AF_INET, argv[4], &server_ip) != 1)
		return 0;
	client_netns = argv[2];
	server_netns = argv[3];
	cpus[0] = atoi(argv[6]);
	cpus[1] = atoi(argv[7]);
	return !is_surge || parse_surge(strtoull(argv[5], NULL, 10), argv[7], argv + 8);
}

int main(int argc, char **argv)
{
	struct sigaction on_end = { .sa_sigaction = server_ended, .sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_t client;
	int status;
	pid_t server;

	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: traffic MEASURE CLIENT_NETNS SERVER_NETNS SERVER_IP MS CLIENT_CPU SERVER_CPU"
				" [RATE FROM_RATE SEED constant|poisson|closed FLOWS]\n");
		return 2;
	}
	share();
	must(sigaction(SIGCHLD, &on_end, NULL) == 0, "sigaction");
	server = fork();
	must(server >= 0, "fork");
	if (server == 0) {
		serve();
		return 0;
	}
	must(pthread_create(&client, NULL, client_thread, NULL) == 0, "pthread_create");
	if (measure->client == surge_client)
		surge_for(cpus, client);
	else {
		measure_for(strtoull(argv[5], NULL, 10), cpus, server);
		pthread_join(client, NULL);
	}
	must(waitpid(server, &status, 0) == server, "waitpid");
	return status != 0;
}
