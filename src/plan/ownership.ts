// How Podlane recognises its own objects in the kernel, after any restart: these names and numbers and no others.
// Whatever does not carry them is never touched.

/** Host side of a pod's interface: this prefix and 11 hex digits of a hash of container ID and interface name. */
export const POD_LINK_PREFIX = 'podl'
/** Link group of pod interfaces; nft tells pods' traffic by it. «pod» in ASCII. */
export const POD_GROUP = 0x706f64
/** Link group of pod interfaces on their way out: deleted together. */
export const DELETING_GROUP = 0x706f65
/** The one VXLAN device of a node, and its link group. */
export const VXLAN_LINK = 'podlane-vxlan'
export const VXLAN_GROUP = 0x706f66
/** Protocol number of our routes, neighbours and rules («p»); free in iproute2's rt_protos. */
export const ROUTE_PROTOCOL = 112
/** Our nft tables: `inet podlane` and `arp podlane`. */
export const NFT_TABLE = 'podlane'
/** First word of the alias of a committed pod interface. */
export const ALIAS_VERSION = 'podlane1'
/** What every pod uses as its gateway; never on the wire between nodes. */
export const GATEWAY_4 = '169.254.1.1'
export const GATEWAY_6 = 'fe80::1'
/** The MAC of the host side of every pod interface, so that the pod's neighbour entry is the same everywhere. */
export const GATEWAY_MAC = '02:70:6c:00:00:01'
