/*
 * An open load: requests leave by a schedule that does not wait for answers, and a request's latency counts from when it
 * should have left. UDP, because its cost here is small and the same for each request: what is due goes with one
 * sendmmsg, what came is read with one recvmmsg, and nothing is sent again behind the schedule's back. It spins on a core
 * of its own, so it is late only when sending itself takes longer than the schedule leaves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "surge.h"
#include "traffic.h"

#define BATCH 32
#define PACKET_BYTES 64
/* An answer that is not here by then is lost. */
#define DRAIN_NS 100000000ull
#define BUFFER_BYTES (4 << 20)

struct request {
	uint64_t due_ns;
	uint32_t counts;
};

struct surge_outcome surge_outcome;

static int flows[MOST_FLOWS];
static uint64_t state;
static double next_due_ns;

/* xorshift64*, (0, 1]. */
static double uniform(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return ((double)((state * 2685821657736338717ull) >> 11) + 1) / 9007199254740992.0;
}

static double rate_at(double ns)
{
	return ns < (double)(surge_outcome.from_ns - surge_order.settle_ns) ? surge_order.from_rate : surge_order.rate;
}

static void step(void)
{
	double gap_ns = 1e9 / rate_at(next_due_ns);

	next_due_ns += surge_order.poisson ? -log(uniform()) * gap_ns : gap_ns;
}

/* Up to a batch of what is due goes over one flow. */
static void send_due(uint64_t now, uint64_t end_ns, int fd)
{
	static char packets[BATCH][PACKET_BYTES];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec vectors[BATCH];
	int due = 0, gone;

	for (; due < BATCH && next_due_ns <= (double)now && next_due_ns < (double)end_ns; due++, step()) {
		struct request *request = (struct request *)packets[due];

		*request = (struct request){ (uint64_t)next_due_ns, next_due_ns >= (double)surge_outcome.from_ns };
		if (request->counts)
			histogram_add(&surge_outcome.lateness, now - request->due_ns);
		vectors[due] = (struct iovec){ request, PACKET_BYTES };
		messages[due].msg_hdr = (struct msghdr){ .msg_iov = &vectors[due], .msg_iovlen = 1 };
	}
	for (int i = 0; i < due; i += gone) {
		gone = sendmmsg(fd, messages + i, (unsigned)(due - i), 0);
		/* What a full queue or a full table does not take is lost, as anywhere on the way. */
		if (gone < 0) {
			must(errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED || errno == EPERM, "sendmmsg");
			gone = 1;
		}
	}
	for (int i = 0; i < due; i++)
		surge_outcome.sent += ((struct request *)packets[i])->counts;
}

/* The same for every flow, and asked for all the time. */
static char answers[BATCH][PACKET_BYTES];
static struct mmsghdr answer_messages[BATCH];

static void prepare_answers(void)
{
	static struct iovec vectors[BATCH];

	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ answers[i], PACKET_BYTES };
		answer_messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
}

static void take_answers(int fd)
{
	int got = recvmmsg(fd, answer_messages, BATCH, MSG_DONTWAIT, NULL);
	uint64_t now = now_ns();

	for (int i = 0; i < got; i++) {
		const struct request *request = (const struct request *)answers[i];

		if (!request->counts)
			continue;
		surge_outcome.answered++;
		histogram_add(&surge_outcome.latency, now - request->due_ns);
	}
}

static void dial_flows(void)
{
	struct sockaddr_in address = server_address();
	int bytes = BUFFER_BYTES;

	for (int i = 0; i < surge_order.flows; i++) {
		flows[i] = opened(SOCK_DGRAM);
		setsockopt(flows[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
		must(connect(flows[i], (struct sockaddr *)&address, sizeof address) == 0, "connect");
	}
}

/* What is left on the schedule was due and did not leave. */
static void count_unsent(uint64_t end_ns)
{
	surge_outcome.due = surge_outcome.sent;
	for (; next_due_ns < (double)end_ns; step())
		surge_outcome.due += next_due_ns >= (double)surge_outcome.from_ns;
}

void surge_client(void)
{
	uint64_t begin_ns, end_ns, now;

	if (surge_order.closed) {
		surge_askers();
		return;
	}
	dial_flows();
	prepare_answers();
	/* Where it is not allowed it shows as lateness. */
	setpriority(PRIO_PROCESS, 0, -10);
	state = surge_order.seed * 0x9e3779b97f4a7c15ull | 1;
	begin_ns = now_ns() + 2000000;
	surge_outcome.from_ns = begin_ns + surge_order.lead_ns;
	end_ns = surge_outcome.from_ns + surge_order.measured_ns;
	next_due_ns = (double)begin_ns;
	pthread_barrier_wait(&shared->connected);
	for (unsigned turn = 0; (now = now_ns()) < end_ns; turn++) {
		if (next_due_ns <= (double)now)
			send_due(now, end_ns, flows[turn % (unsigned)surge_order.flows]);
		for (int i = 0; i < surge_order.flows; i++)
			take_answers(flows[i]);
	}
	count_unsent(end_ns);
	while (now_ns() < end_ns + DRAIN_NS)
		for (int i = 0; i < surge_order.flows; i++)
			take_answers(flows[i]);
	for (int i = 0; i < surge_order.flows; i++)
		close(flows[i]);
}
