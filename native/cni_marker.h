/*
 * The note that a DEL leaves for an agent that is not there: one file in deleted/ beside the agent's socket, named
 * CONTAINER@INTERFACE. src/cni/markers.ts reads it.
 */
#ifndef PODLANE_CNI_MARKER_H
#define PODLANE_CNI_MARKER_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ID 200

static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

/* The folder beside the agent's socket. It is made if it is not there: the agent may never have run. */
static int open_marker_folder(const char *socket_path)
{
	char folder[128];
	char *slash;
	int run, deleted;

	snprintf(folder, sizeof(folder), "%s", socket_path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return -1;
	*slash = '\0';
	mkdir(folder, 0700);
	run = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0)
		return -1;
	mkdirat(run, "deleted", 0700);
	deleted = openat(run, "deleted", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close(run);
	return deleted;
}

/* Written beside and renamed: the agent reads whole markers or none. Both names are validated: no '/' in them. */
static int leave_marker(int folder, const char *marker, const char *container, const char *interface,
			const char *network)
{
	char temporary[64], text[3 * MAX_ID];
	struct timespec t;
	int fd, n, bad;

	n = snprintf(text, sizeof(text), "containerID=%s\nifname=%s\nnetwork=%s\n", container, interface, network);
	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(temporary, sizeof(temporary), ".new-%d-%lld%09ld", (int)getpid(), (long long)t.tv_sec, t.tv_nsec);
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	bad = write_all(fd, text, (size_t)n);
	if (close(fd) < 0 || bad || renameat(folder, temporary, folder, marker) < 0) {
		unlinkat(folder, temporary, 0);
		return -1;
	}
	return 0;
}

#endif
