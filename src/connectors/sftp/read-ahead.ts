import type { SFTPWrapper } from 'ssh2'

/** What every server must give in one answer (draft-ietf-secsh-filexfer-02 §3). */
const requestBytes = 32 * 1024
/** Requests under way: on a line of 50 ms this still reads 10 MB/s. */
const requestsAhead = 16

/**
 * The bytes from..to of a remote file. Only so many requests are sent ahead that the file never lies in
 * memory; where the file ends early, so do the bytes. Throws the library's own errors.
 */
export async function* readAhead(
  wire: SFTPWrapper,
  path: string,
  [from, to]: [number, number],
): AsyncGenerator<Uint8Array> {
  const handle = await openHandle(wire, path)
  const ahead: Promise<Buffer>[] = []
  try {
    let next = from
    for (;;) {
      while (ahead.length < requestsAhead && next < to) {
        const end = Math.min(next + requestBytes, to)
        ahead.push(settledLater(readFully(wire, handle, [next, end])))
        next = end
      }
      const bytes = await ahead.shift()
      if (bytes === undefined || bytes.length === 0) return
      yield bytes
    }
  } finally {
    closeHandle(wire, handle)
  }
}

/** A request that fails before its turn comes is no unhandled rejection. */
function settledLater<T>(pending: Promise<T>): Promise<T> {
  pending.catch(() => undefined)
  return pending
}

/** A server may answer with less than was asked for, also before the end. */
async function readFully(
  wire: SFTPWrapper,
  handle: Buffer,
  [from, to]: [number, number],
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(to - from)
  let filled = 0
  while (filled < bytes.length) {
    const count = await readOnce(wire, handle, { bytes, filled, position: from + filled })
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

interface Request {
  bytes: Buffer
  filled: number
  position: number
}

const endOfFile = 1

const readOnce = (
  wire: SFTPWrapper,
  handle: Buffer,
  { bytes, filled, position }: Request,
): Promise<number> =>
  new Promise((resolve, reject) => {
    wire.read(handle, bytes, filled, bytes.length - filled, position, (error, count) => {
      if (!error) resolve(count)
      else if ('code' in error && error.code === endOfFile) resolve(0)
      else reject(error)
    })
  })

const openHandle = (wire: SFTPWrapper, path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    wire.open(path, 'r', (error, handle) => (error ? reject(error) : resolve(handle)))
  })

/** Not waited for: a line that is gone has closed the file already, and never answers. */
function closeHandle(wire: SFTPWrapper, handle: Buffer): void {
  try {
    wire.close(handle, () => undefined)
  } catch {
    // The line is gone.
  }
}
