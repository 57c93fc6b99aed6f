/*
 * A closed load: so many askers, each with a socket of its own, who ask again as soon as they have their answer. One
 * thread is all of them, on a core of its own; what it takes to ask and to listen is part of each round trip.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "surge.h"
#include "traffic.h"

#define PACKET_BYTES 64
/* A question without an answer for so long is lost, and is asked again. */
#define PATIENCE_NS 20000000ull

struct asker {
	int fd;
	/* Of the question that waits; it stands in the packet too, and comes back in its answer. */
	uint64_t asked_ns;
};

static struct asker askers[MOST_FLOWS];

static int counts(uint64_t asked_ns)
{
	return asked_ns >= surge_outcome.from_ns;
}

static void ask(struct asker *asker)
{
	char packet[PACKET_BYTES] = { 0 };

	asker->asked_ns = now_ns();
	memcpy(packet, &asker->asked_ns, sizeof asker->asked_ns);
	if (send(asker->fd, packet, sizeof packet, 0) < 0)
		must(errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED || errno == EPERM, "send");
	else
		surge_outcome.sent += counts(asker->asked_ns);
	surge_outcome.due += counts(asker->asked_ns);
}

/* @return whether it has its answer */
static int listen_once(struct asker *asker)
{
	char packet[PACKET_BYTES];

	/* An answer that comes after its question was given up is nobody's. */
	if (recv(asker->fd, packet, sizeof packet, MSG_DONTWAIT) != sizeof packet ||
	    memcmp(packet, &asker->asked_ns, sizeof asker->asked_ns))
		return 0;
	if (counts(asker->asked_ns)) {
		surge_outcome.answered++;
		histogram_add(&surge_outcome.latency, now_ns() - asker->asked_ns);
	}
	return 1;
}

void surge_askers(void)
{
	struct sockaddr_in address = server_address();
	uint64_t now, end_ns;

	for (int i = 0; i < surge_order.flows; i++) {
		askers[i].fd = opened(SOCK_DGRAM);
		must(connect(askers[i].fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
	}
	setpriority(PRIO_PROCESS, 0, -10);
	surge_outcome.from_ns = now_ns() + surge_order.lead_ns;
	end_ns = surge_outcome.from_ns + surge_order.measured_ns;
	pthread_barrier_wait(&shared->connected);
	for (int i = 0; i < surge_order.flows; i++)
		ask(&askers[i]);
	while ((now = now_ns()) < end_ns)
		for (int i = 0; i < surge_order.flows; i++)
			if (listen_once(&askers[i]) || now_ns() - askers[i].asked_ns > PATIENCE_NS)
				ask(&askers[i]);
	/* The last answers. */
	while (now_ns() < end_ns + PATIENCE_NS)
		for (int i = 0; i < surge_order.flows; i++)
			listen_once(&askers[i]);
	for (int i = 0; i < surge_order.flows; i++)
		close(askers[i].fd);
}
