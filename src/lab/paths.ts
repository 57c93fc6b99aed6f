// Where a lab keeps everything that it is, so that a later command finds it and «down» knows what to remove: one
// folder, one lab at a time. PODLANE_LAB=NAME in the environment makes another, which nothing joins with the first.

const name = process.env.PODLANE_LAB ?? ''
// It becomes part of a path that is removed with all that is in it.
if (!/^[a-z0-9-]{0,16}$/.test(name)) throw new Error('PODLANE_LAB: at most 16 of a-z, 0-9 and -')

export const LAB_FOLDER = name === '' ? '/run/podlane-lab' : `/run/podlane-lab-${name}`

export const labFile = `${LAB_FOLDER}/lab.json`
/** For kubectl, on the host. */
export const kubeconfigFile = `${LAB_FOLDER}/kubeconfig`
/** For what runs in the nodes, where the API server has another address. */
export const nodeKubeconfigFile = `${LAB_FOLDER}/node-kubeconfig`
/** Token, key and certificate of the API server, for its process. */
export const controlPlaneFile = `${LAB_FOLDER}/control-plane.json`
/** One file for each process that the lab started for itself. */
export const processFolder = `${LAB_FOLDER}/processes`
export const logFile = (name: string): string => `${LAB_FOLDER}/${name}.log`

/** A network namespace bound to a file: `hub`, `outside` or a node's name. */
export const netnsFile = (name: string): string => `${LAB_FOLDER}/netns/${name}`

export const nodeFolder = (node: string): string => `${LAB_FOLDER}/nodes/${node}`
export const nodeSpecFile = (node: string): string => `${nodeFolder(node)}/node.json`
export const agentConfigFile = (node: string): string => `${nodeFolder(node)}/agent.yaml`
/** The lab's own process in the node answers here. */
export const nodeSocket = (node: string): string => `${nodeFolder(node)}/node.sock`
/** The agent's socket, seen from the host. */
export const agentSocket = (node: string): string => `${nodeFolder(node)}/run/agent.sock`

/** What a node has for itself: a folder of the lab, and where it is seen inside the node. */
export const privateFolders = (node: string): readonly { readonly from: string; readonly at: string }[] =>
  [
    ['run', '/run/podlane'],
    ['netns', '/run/netns'],
    ['cni-config', '/etc/cni'],
    ['cni-programs', '/opt/cni'],
    ['cni-state', '/var/lib/cni'],
  ].map(([name, at]) => ({ from: `${nodeFolder(node)}/${name}`, at: at as string }))

/** Each node gets a file system of its own here. */
export const BPF_FOLDER = '/sys/fs/bpf'
