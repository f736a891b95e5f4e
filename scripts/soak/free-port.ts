import { createServer } from 'node:net'

/**
 * A port below those that systems give away by themselves: whoever is killed on it and starts again finds
 * that nobody has been given it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((tried) => {
      server.once('error', () => tried(false))
      server.listen(port, '127.0.0.1', () => tried(true))
    })
    if (!isFree) continue
    await new Promise((closed) => server.close(closed))
    return port
  }
}
