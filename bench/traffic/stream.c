/* One TCP stream in one direction. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#define CHUNK_BYTES (256 << 10)

void stream_client(void)
{
	char *chunk = calloc(1, CHUNK_BYTES);
	int fd = dialled();

	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping)
		if (send(fd, chunk, CHUNK_BYTES, MSG_NOSIGNAL) < 0)
			must(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET, "send");
	close(fd);
	free(chunk);
}

void stream_server(void)
{
	char *chunk = malloc(CHUNK_BYTES);
	int listening_fd = listener(), fd;

	pthread_barrier_wait(&shared->listening);
	while ((fd = accept(listening_fd, NULL, NULL)) < 0)
		must(errno == EAGAIN, "accept");
	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping) {
		ssize_t got = recv(fd, chunk, CHUNK_BYTES, 0);

		if (got > 0)
			shared->count += got;
	}
	close(fd);
	close(listening_fd);
	free(chunk);
}
