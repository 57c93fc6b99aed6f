// What the programs and the agent tell each other: map keys and values, reasons, events. The one source: TypeScript's
// codecs are generated from it, and a test compares them with the BTF of the built programs.
// Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d; addresses, ports and headers in network byte order, numbers in the
// host's.
#pragma once
#include <linux/types.h>

// Buckets of addresses that share an epoch and a share of the flow tables.
#define BUCKETS 4096
// Longest header that a path puts before a packet: Ethernet, IPv6, UDP, VXLAN, Ethernet.
#define HEADER_BYTES 88
// `paths[0]` is this node: flows with both ends here.
#define PATH_LOCAL 0
// Rows of `pod_counts`. Row 0 is that of pods that found none free.
#define POD_SLOTS 1024
// Sets of devices by the low bits of their index, and places in a set.
#define LINK_SETS 4096
#define LINK_PLACES 4
// How many `enum course` has.
#define COURSES 4

struct address {
	__u8 bytes[16];
};

// A flow is known by its ends, the smaller end first, so that both directions find the same entry.
// ICMP echo has its identifier for both ports.
struct flow_key {
	__u8 address[2][16];
	__u16 port[2];
	__u8 protocol;
	__u8 zero[3];
} __attribute__((aligned(8)));

// The lane that was decided for a flow, for its life: a path or a hop may still send a fast one down for a while.
enum lane {
	LANE_PLAIN = 0,
	LANE_FAST = 1,
};

// An end of a flow: where a packet to it is delivered, if it is a pod of this node (interface 0: it is not).
struct flow_side {
	__u32 ifindex;
	__u8 mac[6];
	__u16 bucket;
};

// `state` of a flow: bits by side.
enum flow_state {
	SEEN = 1,   // << side: a packet from that side has been seen
	FIN = 4,    // << side: that side has sent its last byte
	BEGUN = 16, // << side: that side began the flow
	ECHO_FAST = 64, // the last echo request went by the fast lane
};

struct flow {
	struct flow_side side[2];
	__u32 epoch;       // sum of the two sides' epochs when the decision was made
	__u32 path;        // index into `paths`
	__u32 asked;       // when conntrack was asked, in units of 256 jiffies
	__u16 source_port; // of the outer UDP header
	__u8 lane;
	__u8 reason; // why it is plain
	__u32 state;
	__u16 slot[2]; // by side: the row in `pod_counts` of a pod of this node
};

// A pod's address on this node.
enum endpoint_flags {
	ENDPOINT_LIMITED = 1, // has a bandwidth limit: stays plain, where the limit is
};

struct endpoint {
	__u32 ifindex;
	__u32 flags;
	__u8 mac[6];
	__u16 slot; // in `pod_counts`
};

// Longest prefix match over the pod ranges of other nodes.
struct range_key {
	__u32 prefix_length; // of 128
	__u8 address[16];
};

enum path_kind {
	PATH_HERE = 0,
	PATH_DIRECT = 1,
	PATH_VXLAN_4 = 2, // over an IPv4 underlay
	PATH_VXLAN_6 = 3,
};

// `lane` of a path: what the agent has set. What a program found out by itself stands in `hops`.
struct path {
	__u32 kind;
	__u32 lane;
	__u32 ifindex;   // the uplink
	__u32 mtu_bytes; // of a pod's IP packet; a program lowers it when a router says so
	__u32 hop;       // index into `hops`; 0: none is known
	__u16 checksum;  // of the outer IPv4 header with length, identification and ECN zero, not yet complemented
	__u8 zero[2];
	__u8 peer[16]; // the only outer source that is taken from it
	__u8 own[16];  // the only outer destination
	__u8 header[HEADER_BYTES];
	__u8 direct_mac[6]; // the peer's MAC on the segment, zero if it is not known
	__u8 zero_2[2];
};

// What the programs have seen of a next hop; paths through it are plain while it is not 0.
enum hop_state {
	HOP_GOOD = 0,
	HOP_MOVED = 1, // an ARP reply or neighbour advertisement with another MAC
};

struct hop {
	__u32 state;
};

struct neighbour {
	__u32 hop;
	__u8 mac[6];
	__u8 zero[2];
};

struct lane_count {
	__u64 packets;
	__u64 bytes;
};

// Of a path, per processor.
struct path_count {
	struct lane_count sent[2]; // by lane
	struct lane_count received[2];
};

// How a packet of a pod went, as far as the programs can tell.
enum course {
	COURSE_HERE = 0, // between two pods of this node
	COURSE_DIRECT,   // by the uplink, in no tunnel
	COURSE_VXLAN,    // in the tunnel
	COURSE_OTHER,    // cannot be told: to a Service, the node or the world outside, or a header that is not read
};

// Of a pod, per processor: by course and lane.
struct pod_count {
	struct lane_count sent[COURSES][2];
	struct lane_count received[COURSES][2];
};

// A device of this node, for packets of which nothing else is known.
struct link {
	__u32 ifindex; // 0: none
	__u16 slot;    // of the pod behind it, in `pod_counts`
	__u8 course;   // of what comes in by it and is for a pod
	__u8 zero;
};

// Devices whose indexes have the same low bits: found without a hash, which would cost ten times as much.
struct link_set {
	struct link link[LINK_PLACES];
};

// Of a bucket's pods: how much of the flow tables they have.
struct share {
	__u32 flows;
	__u32 half_open; // made in this window
	__u32 window;    // in units of 256 jiffies
};

// Why a packet took the plain network, or was dropped. Counted, per processor.
enum reason {
	REASON_NONE = 0,
	REASON_OUTSIDE,     // to or from no pod that is known
	REASON_LANE,        // the lane of its path is plain
	REASON_TRANSLATED,  // the host translates the flow
	REASON_UNSEEN,      // only one direction of the flow has been seen, and the kernel cannot be asked
	REASON_LIMITED,     // the pod has a bandwidth limit
	REASON_SENDER,      // not from where its source address belongs: the guard of the plain network decides
	REASON_FRAGMENT,    // a fragment
	REASON_HEADER,      // IP options, an extension header, an unknown protocol, a truncated packet
	REASON_TOO_BIG,     // larger than the path's MTU
	REASON_TTL,         // its time to live ends here
	REASON_HOP,         // the next hop has moved
	REASON_TUNNEL,      // a tunnel packet with a checksum, other flags, another network or an ECN that must be judged
	REASON_REFUSED,     // the kernel refused to change the packet
	REASON_FROM_STACK,  // reached a pod through the stack
	DROP_UNREADABLE,    // dropped: a changed packet could not be read again
	REASONS,
};

enum event_kind {
	EVENT_NEIGHBOUR_MOVED = 1,
	EVENT_MTU = 2,
	EVENT_DROP = 3,
};

struct event {
	__u32 kind;
	__u32 hop; // or the drop's reason
	__u8 address[16];
	__u8 mac[6];
	__u16 mtu_bytes;
};

// What a sweep of the flow tables found.
struct sweep {
	__u32 flows;
	__u32 half_open;
	__u32 removed;
	__u32 zero;
};

// A pod's address on this node, for the way from socket to socket.
struct socket_pod {
	__u64 netns;  // cookie of the pod's network namespace: an address alone proves nothing
	__u32 opted;  // 1: by annotation
	__u32 zero;
};

// One end of a TCP connection, itself first. The first sequence numbers of both directions make it sure that two ends
// belong together: a translated connection may have the same addresses and ports.
struct socket_key {
	__u8 address[2][16];
	__u16 port[2];
	__u32 sequence[2];
};

// Index into `socket_counts`.
enum socket_event {
	SOCKET_JOINED = 0, // a socket that may send this way
	SOCKET_SHORT,      // a message put straight into the other socket
	SOCKET_STACK,      // a message of such a socket that took the stack
	SOCKET_EARLY,      // a direction stays in the stack: the other end was not there at its first message
	SOCKET_SLOW,       // a direction went back to the stack: the receiver lags behind
	SOCKET_VOID,       // a direction went back to the stack: an epoch has changed
	SOCKET_TLS,        // a direction went back to the stack: the kernel encrypts it
	SOCKET_EVENTS,
};

struct socket_count {
	__u64 events;
	__u64 bytes;
};

// A kernel stack as the profile saw it, innermost frame first, and how often.
#define STACK_FRAMES 64

struct stack {
	__u64 samples;
	__u32 frames; // bytes of `address` in use
	__u32 zero;
	__u64 address[STACK_FRAMES];
};

// Of the profile, per processor.
struct profile_count {
	__u64 samples; // all of them
	__u64 user;    // outside the kernel
	__u64 lost;    // of the kernel, without room for their stack
	__u64 own_ns;  // spent counting
};
