// From socket to socket: TCP connections between two pods of this node that have both asked for it. One program puts
// both ends of a new connection into a map, the other puts what is sent straight into the receiver's queue.
// Whatever is unsure stays in the stack, and a direction that has gone back to the stack stays there: a receiver reads
// its short queue before what came through the stack, so that only this order of the two keeps the bytes' order.
#include "lib/socket_maps.h"
#include "lib/tcp_socket.h"
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10

static __always_inline void set_word(__u8 *address, int index, __u32 word)
{
	((__u32 *)address)[index] = word;
}

// The connection as its other end sees it. The context's fields are read one by one, as the verifier wants it.
static __always_inline int read_peer(struct bpf_sock_ops *ops, struct socket_key *peer)
{
	if (ops->family == AF_INET) {
		set_word(peer->address[0], 2, bpf_htonl(0xffff));
		set_word(peer->address[0], 3, ops->remote_ip4);
		set_word(peer->address[1], 2, bpf_htonl(0xffff));
		set_word(peer->address[1], 3, ops->local_ip4);
		// Or the ends of the branches become one, with a computed offset into the context: the verifier refuses it.
		asm volatile("" ::: "memory");
	} else if (ops->family == AF_INET6) {
		set_word(peer->address[0], 0, ops->remote_ip6[0]);
		set_word(peer->address[0], 1, ops->remote_ip6[1]);
		set_word(peer->address[0], 2, ops->remote_ip6[2]);
		set_word(peer->address[0], 3, ops->remote_ip6[3]);
		set_word(peer->address[1], 0, ops->local_ip6[0]);
		set_word(peer->address[1], 1, ops->local_ip6[1]);
		set_word(peer->address[1], 2, ops->local_ip6[2]);
		set_word(peer->address[1], 3, ops->local_ip6[3]);
	} else {
		return 0;
	}
	// In network order in the upper half of a word, and in host order.
	peer->port[0] = ops->remote_port >> 16;
	peer->port[1] = bpf_htons(ops->local_port);
	peer->sequence[0] = ops->rcv_nxt;
	peer->sequence[1] = ops->snd_nxt;
	return 1;
}

static __always_inline void turn(struct socket_key *key, const struct socket_key *peer)
{
	copy(key->address[0], peer->address[1], 16);
	copy(key->address[1], peer->address[0], 16);
	key->port[0] = peer->port[1];
	key->port[1] = peer->port[0];
	key->sequence[0] = peer->sequence[1];
	key->sequence[1] = peer->sequence[0];
}

// Both pods have asked for it, and the socket is in the namespace of the pod whose address it has: anybody may give
// himself any address in a namespace of his own. A policy will be asked here too; its change raises the epochs.
static __always_inline int may_join(struct bpf_sock_ops *ops, const struct socket_key *peer)
{
	struct socket_pod *own = bpf_map_lookup_elem(&socket_pods, peer->address[1]);
	struct socket_pod *other = bpf_map_lookup_elem(&socket_pods, peer->address[0]);

	if (!own || !other || !own->opted || !other->opted)
		return 0;
	return own->netns == bpf_get_netns_cookie(ops);
}

SEC("sockops")
int join_sockets(struct bpf_sock_ops *ops)
{
	struct socket_key key = {};
	struct bpf_sock *sk = ops->sk;
	struct way way = {};
	__u64 at;

	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	if (!sk || !read_peer(ops, &way.peer) || !may_join(ops, &way.peer))
		return 1;
	way.epoch = epoch_of_both(&way.peer);
	turn(&key, &way.peer);
	if (!bpf_sk_storage_get(&ways, sk, &way, BPF_SK_STORAGE_GET_F_CREATE))
		return 1;
	if (bpf_sock_hash_update(ops, &sockets, &key, BPF_NOEXIST))
		return 1;
	at = (__u64)bpf_skc_to_tcp_sock(sk);
	bpf_map_update_elem(&arrivals, &key, &at, BPF_ANY);
	count(SOCKET_JOINED, 0);
	return 1;
}

static __always_inline int to_stack(struct way *way, __u32 why, __u32 bytes)
{
	way->state = WAY_STACK;
	count(why, 0);
	count(SOCKET_STACK, bytes);
	return SK_PASS;
}

// A receiver that lags is slowed by the window of TCP, which the short way does not have: what waits for it is bounded
// by half of its receive buffer and one message. That is also where the stack, with its large segments, is the faster.
// The socket may be gone: then this reads whatever is there now, and the redirect finds nobody in the map.
static __always_inline __u32 obstacle_at(const struct tcp_sock *peer)
{
	const struct sock *sk = &peer->inet_conn.icsk_inet.sk;
	const void *ulp = NULL;
	int waiting = 0, most = 0;

	bpf_probe_read_kernel(&ulp, sizeof(ulp), &peer->inet_conn.icsk_ulp_ops);
	bpf_probe_read_kernel(&waiting, sizeof(waiting), &sk->sk_backlog.rmem_alloc.counter);
	bpf_probe_read_kernel(&most, sizeof(most), &sk->sk_rcvbuf);
	if (ulp)
		return SOCKET_TLS;
	return waiting > most >> 1 ? SOCKET_SLOW : 0;
}

// The first message decides: what went through the stack before may still wait there, and this would overtake it.
static __always_inline int begin(const struct tcp_sock *own, struct way *way)
{
	__u64 *arrived = bpf_map_lookup_elem(&arrivals, &way->peer);

	if (!arrived || own->write_seq != way->peer.sequence[1])
		return 0;
	way->socket = *arrived;
	way->state = WAY_SHORT;
	bpf_map_delete_elem(&arrivals, &way->peer);
	return 1;
}

// Why a message cannot go the short way; 0 if it can.
static __always_inline __u32 obstacle(struct bpf_sock *sk, struct way *way)
{
	struct tcp_sock *own = bpf_skc_to_tcp_sock(sk);

	if (way->epoch != epoch_of_both(&way->peer))
		return SOCKET_VOID;
	if (!own || (way->state == WAY_NEW && !begin(own, way)))
		return SOCKET_EARLY;
	if (own->inet_conn.icsk_ulp_ops)
		return SOCKET_TLS;
	return obstacle_at((const struct tcp_sock *)way->socket);
}

SEC("sk_msg")
int send_short(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	__u32 why, bytes = msg->size;
	struct way *way;

	if (!sk)
		return SK_PASS;
	way = bpf_sk_storage_get(&ways, sk, 0, 0);
	if (!way)
		return SK_PASS;
	if (way->state == WAY_STACK) {
		count(SOCKET_STACK, bytes);
		return SK_PASS;
	}
	why = obstacle(sk, way);
	if (why)
		return to_stack(way, why, bytes);
	// The other end may have closed meanwhile: the stack answers as it answers then.
	if (bpf_msg_redirect_hash(msg, &sockets, &way->peer, BPF_F_INGRESS) != SK_PASS)
		return to_stack(way, SOCKET_EARLY, bytes);
	count(SOCKET_SHORT, bytes);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
