/* What the parts of the traffic generator share: the two ends, and how they learn when to begin and to stop. */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define MOST_PAIRS 4

struct pair {
	int number, client_cpu, server_cpu;
	/* Counted by the end that knows what has arrived. */
	_Atomic uint64_t count;
};

/* In memory that both processes see. */
struct shared {
	struct pair pairs[MOST_PAIRS];
	_Atomic int measuring, stopping;
	/* Passed by all ends: the first when servers listen, the second (by the stopwatch too) when clients may begin. */
	pthread_barrier_t listening, connected;
};

extern struct shared *shared;
extern struct in_addr server_ip;

/* Runs one end of a pair until `stopping`. A client is called when its server listens. */
typedef void (*end_fn)(struct pair *pair);

void stream_client(struct pair *pair);
void stream_server(struct pair *pair);
void rr_client(struct pair *pair);
void crr_client(struct pair *pair);
void transaction_server(struct pair *pair);
void udp_client(struct pair *pair);
void udp_server(struct pair *pair);

/* Ends the process with errno's text unless `ok`. */
void must(int ok, const char *what);
uint64_t now_ns(void);

/* Sockets whose calls end after a tenth of a second, so that a lost packet cannot hold up the end of a measurement. */
struct sockaddr_in server_address(const struct pair *pair);
int opened(int type);
int listener(const struct pair *pair);
int dialled(const struct pair *pair);

/* Round trips of the client while `measuring`. */
void record_round_trip(uint64_t began_ns);
double round_trip_us(double share);

#endif
