// Where the servers of the nodes themselves listen: out of the way of what pods in the host's network use.

export const NODE_HTTP_PORT = 10_080
export const NODE_ECHO_PORT = 10_007
