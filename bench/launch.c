/*
 * Starts a CNI plugin once per line of stdin and tells how long each call took: a stopwatch that costs next to
 * nothing, where Node's own child_process would cost more than the plugin under measurement.
 *
 *   launch NETNS AT_ONCE PROGRAM CONFIG_FILE   <  COMMAND \t CONTAINERID \t POD_NETNS \t LINK
 *
 * NETNS is the node's namespace, entered once. Each call is a posix_spawn (vfork) of PROGRAM with CONFIG_FILE as stdin
 * and this process's environment besides. LINK, if not empty, is a link of the node: the call's third time is when the
 * kernel said that it is gone (RTM_DELLINK). One line per call to stdout, in order:
 *
 *   EXIT_CODE \t START_NS \t END_NS \t GONE_NS (0: not watched)
 *
 * all on CLOCK_MONOTONIC. What a failed plugin printed goes to stderr.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_JOBS 4096
#define MOST_ENV 256
#define GONE_WITHIN_NS 10000000000ull

struct job {
	char command[32], container[160], netns[256], link[16];
	pid_t pid;
	int out, exit_code;
	uint64_t start, end;
	_Atomic uint64_t gone;
};

extern char **environ;
static struct job jobs[MOST_JOBS];
static int job_count;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(2);
}

static void read_jobs(void)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		struct job *j = &jobs[job_count];

		must(job_count < MOST_JOBS, "too many jobs");
		if (sscanf(line, "%31[^\t\n]\t%159[^\t\n]\t%255[^\t\n]\t%15[^\t\n]", j->command, j->container, j->netns,
			   j->link) < 3)
			must(0, "a line that is no job");
		j->out = memfd_create("stdout", MFD_CLOEXEC);
		must(j->out >= 0, "memfd_create");
		job_count++;
	}
}

static void note_gone(struct nlmsghdr *h, uint64_t at)
{
	struct ifinfomsg *info = NLMSG_DATA(h);
	struct rtattr *a = IFLA_RTA(info);
	int left = (int)IFLA_PAYLOAD(h);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME)
			for (int i = 0; i < job_count; i++)
				if (strcmp(jobs[i].link, RTA_DATA(a)) == 0)
					jobs[i].gone = at;
}

/* A thread of its own: the next call is not to wait for the links of the one before. */
static void *watch_links(void *socket)
{
	static char buffer[1 << 17];
	int fd = *(int *)socket;

	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		uint64_t at = now_ns();
		struct nlmsghdr *h = (struct nlmsghdr *)buffer;

		for (; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == RTM_DELLINK)
				note_gone(h, at);
	}
	return NULL;
}

static void start_watching(void)
{
	static int fd;
	struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int bytes = 16 << 20;
	pthread_t thread;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&group, sizeof(group)) == 0, "netlink");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	must(pthread_create(&thread, NULL, watch_links, &fd) == 0, "pthread_create");
}

static void start(struct job *j, const char *program, int config)
{
	static char command[64], container[192], netns[288], path[64];
	char *argv[] = {(char *)program, NULL}, *env[MOST_ENV + 4];
	posix_spawn_file_actions_t files;
	int n = 0;

	while (environ[n] && n < MOST_ENV) {
		env[n] = environ[n];
		n++;
	}
	snprintf(command, sizeof(command), "CNI_COMMAND=%s", j->command);
	snprintf(container, sizeof(container), "CNI_CONTAINERID=%s", j->container);
	snprintf(netns, sizeof(netns), "CNI_NETNS=%s", j->netns);
	env[n++] = command;
	env[n++] = container;
	env[n++] = netns;
	env[n] = NULL;
	/* opened anew by each child: its own offset */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), config);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, path, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, j->out, 1);
	j->start = now_ns();
	must(posix_spawn(&j->pid, program, &files, NULL, argv, env) == 0, program);
	posix_spawn_file_actions_destroy(&files);
}

static void finish_one(void)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);
	uint64_t at = now_ns();

	must(pid > 0, "waitpid");
	for (int i = 0; i < job_count; i++) {
		struct job *j = &jobs[i];

		if (j->pid != pid || j->end)
			continue;
		j->end = at;
		j->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		return;
	}
}

static int all_gone(void)
{
	for (int i = 0; i < job_count; i++)
		if (jobs[i].link[0] && !jobs[i].gone)
			return 0;
	return 1;
}

static void report(void)
{
	for (int i = 0; i < job_count; i++) {
		struct job *j = &jobs[i];
		char said[2048];
		ssize_t n = j->exit_code ? pread(j->out, said, sizeof(said), 0) : 0;

		if (n > 0)
			fprintf(stderr, "%s %s: %.*s\n", j->command, j->container, (int)n, said);
		printf("%d\t%llu\t%llu\t%llu\n", j->exit_code, (unsigned long long)j->start, (unsigned long long)j->end,
		       (unsigned long long)j->gone);
	}
}

int main(int argc, char **argv)
{
	int config, netns, at_once, running = 0, next = 0;

	if (argc != 5)
		return 2;
	netns = open(argv[1], O_RDONLY | O_CLOEXEC);
	must(netns >= 0 && setns(netns, CLONE_NEWNET) == 0, argv[1]);
	at_once = atoi(argv[2]);
	config = open(argv[4], O_RDONLY | O_CLOEXEC);
	must(config >= 0, argv[4]);
	read_jobs();
	if (!all_gone())
		start_watching();
	while (next < job_count || running > 0) {
		if (next < job_count && running < at_once) {
			start(&jobs[next++], argv[3], config);
			running++;
		} else {
			finish_one();
			running--;
		}
	}
	for (uint64_t end = now_ns() + GONE_WITHIN_NS; !all_gone() && now_ns() < end;)
		usleep(1000);
	report();
	return 0;
}
