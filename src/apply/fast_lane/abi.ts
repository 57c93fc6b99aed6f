// Generated from bpf/abi.h by `make abi`. Do not edit: what the programs and the agent share stands there.

export const BUCKETS = 4096
export const HEADER_BYTES = 88
export const PATH_LOCAL = 0
export const POD_SLOTS = 1024
export const LINK_SETS = 4096
export const LINK_PLACES = 4
export const COURSES = 4
export const STACK_FRAMES = 64

export const lane = {
  LANE_PLAIN: 0,
  LANE_FAST: 1,
} as const

export const flowState = {
  SEEN: 1,
  FIN: 4,
  BEGUN: 16,
  ECHO_FAST: 64,
} as const

export const endpointFlags = {
  ENDPOINT_LIMITED: 1,
} as const

export const pathKind = {
  PATH_HERE: 0,
  PATH_DIRECT: 1,
  PATH_VXLAN_4: 2,
  PATH_VXLAN_6: 3,
} as const

export const hopState = {
  HOP_GOOD: 0,
  HOP_MOVED: 1,
} as const

export const course = {
  COURSE_HERE: 0,
  COURSE_DIRECT: 1,
  COURSE_VXLAN: 2,
  COURSE_OTHER: 3,
} as const

export const reason = {
  REASON_NONE: 0,
  REASON_OUTSIDE: 1,
  REASON_LANE: 2,
  REASON_TRANSLATED: 3,
  REASON_UNSEEN: 4,
  REASON_LIMITED: 5,
  REASON_SENDER: 6,
  REASON_FRAGMENT: 7,
  REASON_HEADER: 8,
  REASON_TOO_BIG: 9,
  REASON_TTL: 10,
  REASON_HOP: 11,
  REASON_TUNNEL: 12,
  REASON_REFUSED: 13,
  REASON_FROM_STACK: 14,
  DROP_UNREADABLE: 15,
  REASONS: 16,
} as const

/** Name and words by number. */
export const reasonWords: ReadonlyMap<number, readonly [name: string, words: string]> = new Map([
  [1, ['REASON_OUTSIDE', 'to or from no pod that is known']],
  [2, ['REASON_LANE', 'the lane of its path is plain']],
  [3, ['REASON_TRANSLATED', 'the host translates the flow']],
  [4, ['REASON_UNSEEN', 'only one direction of the flow has been seen, and the kernel cannot be asked']],
  [5, ['REASON_LIMITED', 'the pod has a bandwidth limit']],
  [6, ['REASON_SENDER', 'not from where its source address belongs: the guard of the plain network decides']],
  [7, ['REASON_FRAGMENT', 'a fragment']],
  [8, ['REASON_HEADER', 'IP options, an extension header, an unknown protocol, a truncated packet']],
  [9, ['REASON_TOO_BIG', 'larger than the path’s MTU']],
  [10, ['REASON_TTL', 'its time to live ends here']],
  [11, ['REASON_HOP', 'the next hop has moved']],
  [
    12,
    [
      'REASON_TUNNEL',
      'a tunnel packet with a checksum, other flags, another network or an ECN that must be judged',
    ],
  ],
  [13, ['REASON_REFUSED', 'the kernel refused to change the packet']],
  [14, ['REASON_FROM_STACK', 'reached a pod through the stack']],
  [15, ['DROP_UNREADABLE', 'dropped: a changed packet could not be read again']],
])

export const eventKind = {
  EVENT_NEIGHBOUR_MOVED: 1,
  EVENT_MTU: 2,
  EVENT_DROP: 3,
} as const

export const socketEvent = {
  SOCKET_JOINED: 0,
  SOCKET_SHORT: 1,
  SOCKET_STACK: 2,
  SOCKET_EARLY: 3,
  SOCKET_SLOW: 4,
  SOCKET_VOID: 5,
  SOCKET_TLS: 6,
  SOCKET_EVENTS: 7,
} as const

/** Where each field stands: offset, bytes of one element, number of elements. */
export const layouts = {
  address: {
    size: 16,
    bytes: { at: 0, size: 1, count: 16 },
  },
  flow_key: {
    size: 40,
    address: { at: 0, size: 1, count: 32 },
    port: { at: 32, size: 2, count: 2 },
    protocol: { at: 36, size: 1, count: 1 },
    zero: { at: 37, size: 1, count: 3 },
  },
  flow_side: {
    size: 12,
    ifindex: { at: 0, size: 4, count: 1 },
    mac: { at: 4, size: 1, count: 6 },
    bucket: { at: 10, size: 2, count: 1 },
  },
  flow: {
    size: 48,
    side: { at: 0, size: 12, count: 2 },
    epoch: { at: 24, size: 4, count: 1 },
    path: { at: 28, size: 4, count: 1 },
    asked: { at: 32, size: 4, count: 1 },
    source_port: { at: 36, size: 2, count: 1 },
    lane: { at: 38, size: 1, count: 1 },
    reason: { at: 39, size: 1, count: 1 },
    state: { at: 40, size: 4, count: 1 },
    slot: { at: 44, size: 2, count: 2 },
  },
  endpoint: {
    size: 16,
    ifindex: { at: 0, size: 4, count: 1 },
    flags: { at: 4, size: 4, count: 1 },
    mac: { at: 8, size: 1, count: 6 },
    slot: { at: 14, size: 2, count: 1 },
  },
  range_key: {
    size: 20,
    prefix_length: { at: 0, size: 4, count: 1 },
    address: { at: 4, size: 1, count: 16 },
  },
  path: {
    size: 152,
    kind: { at: 0, size: 4, count: 1 },
    lane: { at: 4, size: 4, count: 1 },
    ifindex: { at: 8, size: 4, count: 1 },
    mtu_bytes: { at: 12, size: 4, count: 1 },
    hop: { at: 16, size: 4, count: 1 },
    checksum: { at: 20, size: 2, count: 1 },
    zero: { at: 22, size: 1, count: 2 },
    peer: { at: 24, size: 1, count: 16 },
    own: { at: 40, size: 1, count: 16 },
    header: { at: 56, size: 1, count: 88 },
    direct_mac: { at: 144, size: 1, count: 6 },
    zero_2: { at: 150, size: 1, count: 2 },
  },
  hop: {
    size: 4,
    state: { at: 0, size: 4, count: 1 },
  },
  neighbour: {
    size: 12,
    hop: { at: 0, size: 4, count: 1 },
    mac: { at: 4, size: 1, count: 6 },
    zero: { at: 10, size: 1, count: 2 },
  },
  lane_count: {
    size: 16,
    packets: { at: 0, size: 8, count: 1 },
    bytes: { at: 8, size: 8, count: 1 },
  },
  path_count: {
    size: 64,
    sent: { at: 0, size: 16, count: 2 },
    received: { at: 32, size: 16, count: 2 },
  },
  pod_count: {
    size: 256,
    sent: { at: 0, size: 16, count: 8 },
    received: { at: 128, size: 16, count: 8 },
  },
  link: {
    size: 8,
    ifindex: { at: 0, size: 4, count: 1 },
    slot: { at: 4, size: 2, count: 1 },
    course: { at: 6, size: 1, count: 1 },
    zero: { at: 7, size: 1, count: 1 },
  },
  link_set: {
    size: 32,
    link: { at: 0, size: 8, count: 4 },
  },
  share: {
    size: 12,
    flows: { at: 0, size: 4, count: 1 },
    half_open: { at: 4, size: 4, count: 1 },
    window: { at: 8, size: 4, count: 1 },
  },
  event: {
    size: 32,
    kind: { at: 0, size: 4, count: 1 },
    hop: { at: 4, size: 4, count: 1 },
    address: { at: 8, size: 1, count: 16 },
    mac: { at: 24, size: 1, count: 6 },
    mtu_bytes: { at: 30, size: 2, count: 1 },
  },
  sweep: {
    size: 16,
    flows: { at: 0, size: 4, count: 1 },
    half_open: { at: 4, size: 4, count: 1 },
    removed: { at: 8, size: 4, count: 1 },
    zero: { at: 12, size: 4, count: 1 },
  },
  socket_pod: {
    size: 16,
    netns: { at: 0, size: 8, count: 1 },
    opted: { at: 8, size: 4, count: 1 },
    zero: { at: 12, size: 4, count: 1 },
  },
  socket_key: {
    size: 44,
    address: { at: 0, size: 1, count: 32 },
    port: { at: 32, size: 2, count: 2 },
    sequence: { at: 36, size: 4, count: 2 },
  },
  socket_count: {
    size: 16,
    events: { at: 0, size: 8, count: 1 },
    bytes: { at: 8, size: 8, count: 1 },
  },
  stack: {
    size: 528,
    samples: { at: 0, size: 8, count: 1 },
    frames: { at: 8, size: 4, count: 1 },
    zero: { at: 12, size: 4, count: 1 },
    address: { at: 16, size: 8, count: 64 },
  },
  profile_count: {
    size: 32,
    samples: { at: 0, size: 8, count: 1 },
    user: { at: 8, size: 8, count: 1 },
    lost: { at: 16, size: 8, count: 1 },
    own_ns: { at: 24, size: 8, count: 1 },
  },
} as const
