/*
 * Answers each request with itself. A thread on each of its cores, each with a socket of its own with the kernel's own
 * buffer, as an application would have it.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "surge.h"
#include "traffic.h"

#define BATCH 32
#define PACKET_BYTES 64

static int bound(void)
{
	struct sockaddr_in address = server_address();
	int fd = opened(SOCK_DGRAM), on = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0, "SO_REUSEPORT");
	must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	return fd;
}

static void answer(int fd)
{
	static __thread char packets[BATCH][PACKET_BYTES];
	struct sockaddr_in clients[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	int got;

	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ packets[i], PACKET_BYTES };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &clients[i], .msg_namelen = sizeof clients[i],
							     .msg_iov = &vectors[i], .msg_iovlen = 1 } };
	}
	got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
	if (got > 0)
		/* What it does not take is lost, which the client counts. */
		sendmmsg(fd, messages, (unsigned)got, 0);
}

static void *server_thread(void *fd)
{
	while (!shared->stopping)
		answer((int)(intptr_t)fd);
	return NULL;
}

void surge_server(void)
{
	pthread_t threads[MOST_CORES];
	int fds[MOST_CORES], count = surge_order.server_count;

	for (int i = 0; i < count; i++)
		fds[i] = bound();
	pthread_barrier_wait(&shared->listening);
	for (int i = 0; i < count; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(surge_order.server_cpus[i], &set);
		must(pthread_create(&threads[i], NULL, server_thread, (void *)(intptr_t)fds[i]) == 0, "pthread_create");
		must(pthread_setaffinity_np(threads[i], sizeof set, &set) == 0, "pthread_setaffinity_np");
	}
	pthread_barrier_wait(&shared->connected);
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		close(fds[i]);
	}
}
