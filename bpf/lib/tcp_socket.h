// What is read of the kernel's TCP sockets; where the fields stand there is found out at load.
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

// `sk_rmem_alloc` is what waits to be read, `sk_rcvbuf` how much may.
struct sock {
	struct {
		struct {
			int counter;
		} rmem_alloc;
	} sk_backlog;
	int sk_rcvbuf;
} __attribute__((preserve_access_index));

struct inet_sock {
	struct sock sk;
} __attribute__((preserve_access_index));

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	const void *icsk_ulp_ops; // not null: the kernel encrypts
} __attribute__((preserve_access_index));

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 write_seq;
} __attribute__((preserve_access_index));
