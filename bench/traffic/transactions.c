/*
 * A byte there and a byte back, over one connection or with a connection for each. Both ends wait in epoll, as servers
 * and clients with an event loop do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define PATIENCE_MS 100

static __thread int loop_fd;

static void open_loop(void)
{
	loop_fd = epoll_create1(EPOLL_CLOEXEC);
	must(loop_fd >= 0, "epoll_create1");
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	must(epoll_ctl(loop_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

/* The next socket that can be read, or -1. */
static int next_ready(void)
{
	struct epoll_event event;

	return epoll_wait(loop_fd, &event, 1, PATIENCE_MS) == 1 ? event.data.fd : -1;
}

static void transact(int fd, uint64_t began_ns)
{
	char byte = 0;

	must(send(fd, &byte, 1, MSG_NOSIGNAL) == 1 || shared->stopping, "request");
	while (next_ready() != fd)
		if (shared->stopping)
			return;
	if (recv(fd, &byte, 1, 0) != 1)
		return;
	record_round_trip(began_ns);
	shared->count++;
}

void rr_client(void)
{
	int fd = dialled();

	open_loop();
	watch(fd);
	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping)
		transact(fd, now_ns());
	close(fd);
}

void crr_client(void)
{
	open_loop();
	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping) {
		uint64_t began_ns = now_ns();
		int fd = dialled();

		watch(fd);
		transact(fd, began_ns);
		close(fd);
	}
}

static void serve(int fd)
{
	char byte;

	if (recv(fd, &byte, 1, 0) == 1)
		send(fd, &byte, 1, MSG_NOSIGNAL);
	else
		/* The client closes first: it is the one that keeps TIME_WAIT. */
		close(fd);
}

static void take(int listening_fd)
{
	int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC), on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	watch(fd);
}

void transaction_server(void)
{
	int listening_fd = listener();

	open_loop();
	watch(listening_fd);
	pthread_barrier_wait(&shared->listening);
	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping) {
		int fd = next_ready();

		if (fd == listening_fd)
			take(fd);
		else if (fd >= 0)
			serve(fd);
	}
	close(listening_fd);
}
