/*
 * Traffic between two network namespaces, both ends in this one process: no start of a second program falls into a
 * measurement, and each thread is pinned to the core that it is told.
 *
 *   traffic MEASURE CLIENT_NETNS SERVER_NETNS SERVER_IP MS CLIENT_CPU SERVER_CPU
 *
 * MEASURE: stream; stream4 (two pairs on each core); rr, a byte there and a byte back; crr, the same with a connection
 * for each; udp; and without packets spin (a fixed loop) and rest. One JSON line to stdout: how long it was measured,
 * what was counted in that time (bytes, transactions, packets, turns), how long the cores were busy by /proc/stat (a
 * softirq may be in no thread's account), and round trips.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 5201
#define MOST_PAIRS 4
#define STREAM_CHUNK (256 << 10)
#define UDP_BYTES 64
#define UDP_BATCH 32
#define MOST_ROUND_TRIPS (1 << 20)

struct pair {
	int number, client_cpu, server_cpu;
	/* Counted by the end that knows what has arrived. */
	_Atomic uint64_t count;
};

typedef void (*end_fn)(struct pair *pair);

static const char *client_netns, *server_netns;
static struct in_addr server_ip;
static struct pair pairs[MOST_PAIRS];
static _Atomic int measuring, stopping;
static pthread_barrier_t listening, connected;
static uint32_t round_trips[MOST_ROUND_TRIPS];
static _Atomic uint32_t round_trip_count;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
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

static struct sockaddr_in server_address(const struct pair *pair)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(PORT + pair->number), .sin_addr = server_ip,
	};
}

static int opened(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;
	/* What waits for a packet that was lost must end all the same. */
	struct timeval patience = { .tv_usec = 100000 };

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (type == SOCK_STREAM) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		must(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) == 0, "TCP_CONGESTION");
	}
	return fd;
}

static int listener(const struct pair *pair)
{
	struct sockaddr_in address = server_address(pair);
	int fd = opened(SOCK_STREAM);

	must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	must(listen(fd, 64) == 0, "listen");
	return fd;
}

static int dialled(const struct pair *pair)
{
	struct sockaddr_in address = server_address(pair);
	int fd = opened(SOCK_STREAM);

	must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || stopping, "connect");
	return fd;
}

/* The next connection, or -1 when it is time to end. */
static int accepted(int listening_fd)
{
	int on = 1;

	while (!stopping) {
		int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
			return fd;
		}
		must(errno == EAGAIN, "accept");
	}
	return -1;
}

static void record(uint64_t began_ns)
{
	uint32_t at;

	if (!measuring)
		return;
	at = atomic_fetch_add(&round_trip_count, 1);
	if (at < MOST_ROUND_TRIPS)
		round_trips[at] = (uint32_t)(now_ns() - began_ns);
}

static void stream_client(struct pair *pair)
{
	char *chunk = calloc(1, STREAM_CHUNK);
	int fd = dialled(pair);

	pthread_barrier_wait(&connected);
	while (!stopping)
		if (send(fd, chunk, STREAM_CHUNK, MSG_NOSIGNAL) < 0)
			must(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET, "send");
	close(fd);
}

static void stream_server(struct pair *pair)
{
	char *chunk = malloc(STREAM_CHUNK);
	int listening_fd = listener(pair), fd;

	pthread_barrier_wait(&listening);
	fd = accepted(listening_fd);
	pthread_barrier_wait(&connected);
	while (!stopping) {
		ssize_t got = recv(fd, chunk, STREAM_CHUNK, 0);

		if (got > 0)
			pair->count += got;
	}
	close(fd);
	close(listening_fd);
}

static void rr_client(struct pair *pair)
{
	int fd = dialled(pair);
	char byte = 0;

	pthread_barrier_wait(&connected);
	while (!stopping) {
		uint64_t began = now_ns();

		must(send(fd, &byte, 1, MSG_NOSIGNAL) == 1 || stopping, "request");
		while (!stopping && recv(fd, &byte, 1, 0) != 1)
			;
		record(began);
		pair->count++;
	}
	close(fd);
}

static void rr_server(struct pair *pair)
{
	int listening_fd = listener(pair), fd;
	char byte;

	pthread_barrier_wait(&listening);
	fd = accepted(listening_fd);
	pthread_barrier_wait(&connected);
	while (!stopping)
		if (recv(fd, &byte, 1, 0) == 1)
			send(fd, &byte, 1, MSG_NOSIGNAL);
	close(fd);
	close(listening_fd);
}

static void crr_client(struct pair *pair)
{
	char byte = 0;

	pthread_barrier_wait(&connected);
	while (!stopping) {
		uint64_t began = now_ns();
		int fd = dialled(pair);

		must(send(fd, &byte, 1, MSG_NOSIGNAL) == 1 || stopping, "request");
		while (!stopping && recv(fd, &byte, 1, 0) != 1)
			;
		close(fd);
		record(began);
		pair->count++;
	}
}

static void crr_server(struct pair *pair)
{
	int listening_fd = listener(pair), fd;
	char byte;

	pthread_barrier_wait(&listening);
	pthread_barrier_wait(&connected);
	while ((fd = accepted(listening_fd)) >= 0) {
		if (recv(fd, &byte, 1, 0) == 1) {
			send(fd, &byte, 1, MSG_NOSIGNAL);
			/* The client closes first: it is the one that keeps TIME_WAIT. */
			while (!stopping && recv(fd, &byte, 1, 0) > 0)
				;
		}
		close(fd);
	}
	close(listening_fd);
}

static void udp_client(struct pair *pair)
{
	struct sockaddr_in address = server_address(pair);
	int fd = opened(SOCK_DGRAM);
	char packet[UDP_BYTES] = { 0 };

	must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
	pthread_barrier_wait(&connected);
	while (!stopping)
		if (send(fd, packet, sizeof packet, 0) < 0)
			must(errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED, "send");
	close(fd);
}

static void udp_server(struct pair *pair)
{
	struct sockaddr_in address = server_address(pair);
	int fd = opened(SOCK_DGRAM), buffer_bytes = 4 << 20;
	char packets[UDP_BATCH][UDP_BYTES];
	struct mmsghdr messages[UDP_BATCH];
	struct iovec vectors[UDP_BATCH];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
	must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	for (int i = 0; i < UDP_BATCH; i++) {
		vectors[i] = (struct iovec){ packets[i], UDP_BYTES };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vectors[i], .msg_iovlen = 1 } };
	}
	pthread_barrier_wait(&listening);
	pthread_barrier_wait(&connected);
	while (!stopping) {
		int got = recvmmsg(fd, messages, UDP_BATCH, MSG_WAITFORONE, NULL);

		if (got > 0)
			pair->count += got;
	}
	close(fd);
}

static void spin(struct pair *pair)
{
	volatile uint64_t turns = 0;

	pthread_barrier_wait(&connected);
	while (!stopping) {
		for (int i = 0; i < 10000; i++)
			turns++;
		pair->count += 10000;
	}
}

static void idle(struct pair *pair)
{
	pthread_barrier_wait(&listening);
	pthread_barrier_wait(&connected);
}

static void rest(struct pair *pair)
{
	pthread_barrier_wait(&connected);
}

static const struct measure {
	const char *name;
	end_fn client, server;
	int pairs;
} measures[] = {
	{ "stream", stream_client, stream_server, 1 },
	{ "stream4", stream_client, stream_server, 4 },
	{ "rr", rr_client, rr_server, 1 },
	{ "crr", crr_client, crr_server, 1 },
	{ "udp", udp_client, udp_server, 1 },
	{ "spin", spin, idle, 1 },
	{ "rest", rest, idle, 1 },
}, *measure;

static void *client_thread(void *argument)
{
	struct pair *pair = argument;

	pin(pair->client_cpu);
	enter(client_netns);
	pthread_barrier_wait(&listening);
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
		sum += pairs[i].count;
	return sum;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double round_trip_us(double share)
{
	uint32_t count = round_trip_count < MOST_ROUND_TRIPS ? round_trip_count : MOST_ROUND_TRIPS;

	return count ? round_trips[(uint32_t)(share * (count - 1))] / 1000.0 : 0;
}

static void run(uint64_t ms, int cpu_a, int cpu_b)
{
	uint64_t began, took_ns, count, busy_us;
	int two = cpu_a != cpu_b;

	pthread_barrier_wait(&connected);
	/* Until TCP's windows are open and the caches know the way. */
	sleep_ms(ms / 8 + 10);
	busy_us = -(idle_us(cpu_a) + (two ? idle_us(cpu_b) : 0));
	began = now_ns();
	count = counted();
	measuring = 1;
	sleep_ms(ms);
	measuring = 0;
	count = counted() - count;
	took_ns = now_ns() - began;
	busy_us += idle_us(cpu_a) + (two ? idle_us(cpu_b) : 0);
	stopping = 1;
	busy_us = took_ns / 1000 * (two ? 2 : 1) - busy_us;
	qsort(round_trips, round_trip_count < MOST_ROUND_TRIPS ? round_trip_count : MOST_ROUND_TRIPS, sizeof *round_trips,
	      by_size);
	printf("{\"seconds\":%.6f,\"count\":%llu,\"busyUs\":%lld,\"p50Us\":%.2f,\"p99Us\":%.2f}\n", took_ns / 1e9,
	       (unsigned long long)count, (long long)busy_us, round_trip_us(0.5), round_trip_us(0.99));
}

static const struct measure *named(const char *name)
{
	for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
		if (!strcmp(measures[i].name, name))
			return &measures[i];
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2 * MOST_PAIRS];
	int cpus[2];

	if (argc != 8 || !(measure = named(argv[1])) || inet_pton(AF_INET, argv[4], &server_ip) != 1) {
		fprintf(stderr, "usage: traffic MEASURE CLIENT_NETNS SERVER_NETNS SERVER_IP MS CLIENT_CPU SERVER_CPU\n");
		return 2;
	}
	client_netns = argv[2];
	server_netns = argv[3];
	cpus[0] = atoi(argv[6]);
	cpus[1] = atoi(argv[7]);
	pthread_barrier_init(&listening, NULL, 2 * measure->pairs);
	pthread_barrier_init(&connected, NULL, 2 * measure->pairs + 1);
	for (int i = 0; i < measure->pairs; i++) {
		/* Several streams spread as flows do over a NIC's queues: each with both its ends on one core. */
		int own = measure->pairs > 1 ? cpus[i % 2] : -1;

		pairs[i].number = i;
		pairs[i].client_cpu = own < 0 ? cpus[0] : own;
		pairs[i].server_cpu = own < 0 ? cpus[1] : own;
		must(pthread_create(&threads[2 * i], NULL, server_thread, &pairs[i]) == 0, "pthread_create");
		must(pthread_create(&threads[2 * i + 1], NULL, client_thread, &pairs[i]) == 0, "pthread_create");
	}
	run(strtoull(argv[5], NULL, 10), cpus[0], cpus[1]);
	for (int i = 0; i < 2 * measure->pairs; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
