/* What the parts of the traffic generator share: the two ends, and how they learn when to begin and to stop. */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* In memory that both processes see. */
struct shared {
	/* By the end that knows what has arrived. */
	_Atomic uint64_t count;
	_Atomic int measuring, stopping;
	/* Passed by both ends: the first when the server listens, the second (by the stopwatch too) when the client may begin. */
	pthread_barrier_t listening, connected;
};

extern struct shared *shared;
extern struct in_addr server_ip;

/* Runs one end until `stopping`. The client is called when the server listens. */
typedef void (*end_fn)(void);

void stream_client(void);
void stream_server(void);
void rr_client(void);
void crr_client(void);
void transaction_server(void);
void udp_client(void);
void udp_server(void);
void spin(void);
void rest(void);
void idle(void);
void surge_client(void);
void surge_server(void);

/* Prints the one line of what happened in so many milliseconds between the cores of client and server. */
void measure_for(uint64_t ms, const int cpus[2], pid_t server);

/* The same for a step of an open load, with the accounts of the cores; waits for the client to have its last answers. */
void surge_for(const int cpus[2], pthread_t client);

/* What a core did since boot, and what its queue of packets from other cores and devices did not take. */
struct core_time {
	int cpu;
	uint64_t at_ns, idle_ns, user_us, system_us, softirq_us;
	unsigned dropped, squeezed;
};

/* Fills in the cores whose numbers stand there. */
void read_cores(struct core_time *cores, int count);
void print_core(const struct core_time *before, const struct core_time *after);

/* Ends the process with errno's text unless `ok`. */
void must(int ok, const char *what);
uint64_t now_ns(void);

/* Sockets whose calls end after a tenth of a second, so that a lost packet cannot hold up the end of a measurement. */
struct sockaddr_in server_address(void);
int opened(int type);
int listener(void);
int dialled(void);

/* Round trips of the client while `measuring`. */
void record_round_trip(uint64_t began_ns);
double round_trip_us(double share);

#endif
