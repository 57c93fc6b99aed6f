/* The sockets of all ends, set alike. */
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "traffic.h"

#define PORT 5201
#define PATIENCE_US 100000

struct sockaddr_in server_address(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = server_ip,
	};
}

int opened(int type)
{
	int fd = socket(AF_INET, type, 0), on = 1;
	struct timeval patience = { .tv_usec = PATIENCE_US };

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

int listener(void)
{
	struct sockaddr_in address = server_address();
	int fd = opened(SOCK_STREAM);

	must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	must(listen(fd, 64) == 0, "listen");
	return fd;
}

int dialled(void)
{
	struct sockaddr_in address = server_address();
	int fd = opened(SOCK_STREAM);

	must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || shared->stopping, "connect");
	return fd;
}
