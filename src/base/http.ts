// Node's HTTP modules. An import of them reads all that they export, and so loads a whole second HTTP client (for
// WebSocket) that nobody here uses: 7 MB in every agent. Asked for in this way they come alone.

export const http = process.getBuiltinModule('node:http')
export const https = process.getBuiltinModule('node:https')
