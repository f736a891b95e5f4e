import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that can be cut, as a pulled cable would: nothing is answered, nothing is closed. */
export interface CuttableProxy {
  port: number
  /** Until `mend`: connections stand still, and new ones are accepted and hear nothing. */
  cut(): void
  /** What stood still is closed; new connections go through. */
  mend(): void
  close(): Promise<void>
}

export async function cuttableProxy(target: {
  host: string
  port: number
}): Promise<CuttableProxy> {
  const pairs = new Set<Socket>()
  let isCut = false
  const keep = (socket: Socket): void => {
    pairs.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => pairs.delete(socket))
  }
  const server = createServer((client) => {
    keep(client)
    if (isCut) {
      client.pause()
      return
    }
    const upstream = connect(target)
    keep(upstream)
    client.pipe(upstream)
    upstream.pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const destroyAll = (): void => {
    for (const socket of pairs) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
      for (const socket of pairs) {
        socket.unpipe()
        socket.pause()
      }
    },
    mend: () => {
      isCut = false
      destroyAll()
    },
    close: async () => {
      destroyAll()
      await new Promise((closed) => server.close(closed))
    },
  }
}
