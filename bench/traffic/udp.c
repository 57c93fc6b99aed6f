/* Small UDP packets in one direction, as many as go. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define PACKET_BYTES 64
#define BATCH 32
/* More than what comes while the other end has its turn on a shared core. */
#define BUFFER_BYTES (4 << 20)

void udp_client(void)
{
	struct sockaddr_in address = server_address();
	int fd = opened(SOCK_DGRAM);
	char packet[PACKET_BYTES] = { 0 };

	must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping)
		if (send(fd, packet, sizeof packet, 0) < 0)
			must(errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED, "send");
	close(fd);
}

void udp_server(void)
{
	struct sockaddr_in address = server_address();
	int fd = opened(SOCK_DGRAM), buffer_bytes = BUFFER_BYTES;
	char packets[BATCH][PACKET_BYTES];
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
	must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ packets[i], PACKET_BYTES };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &vectors[i], .msg_iovlen = 1 } };
	}
	pthread_barrier_wait(&shared->listening);
	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping) {
		int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		if (got > 0)
			shared->count += got;
	}
	close(fd);
}
