/* Ends that send nothing: a fixed loop tells what the machine does, rest what it does without us. */
#include "traffic.h"

void spin(void)
{
	volatile uint64_t turns = 0;

	pthread_barrier_wait(&shared->connected);
	while (!shared->stopping) {
		for (int i = 0; i < 10000; i++)
			turns++;
		shared->count += 10000;
	}
}

void idle(void)
{
	pthread_barrier_wait(&shared->listening);
	pthread_barrier_wait(&shared->connected);
}

void rest(void)
{
	pthread_barrier_wait(&shared->connected);
}
