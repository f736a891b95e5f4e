import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Refusal } from '../../shared/refusal.ts'

export type ContentEncoding = 'gzip' | 'zstd' | 'identity'

const chunkBytes = 64 * 1024

/**
 * The body's bytes, decompressed as they are asked for. Throws Refusal `request-invalid` when the
 * compression is broken, cut off or followed by something else, and `payload-too-large` beyond
 * `decodedBytesMax`; an error of the body itself passes unchanged. Leaving early ends the source.
 */
export async function* decompressed(
  body: AsyncIterable<Uint8Array>,
  encoding: ContentEncoding,
  decodedBytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let count = 0
  for await (const chunk of encoding === 'identity' ? body : inflated(body, encoding)) {
    count += chunk.length
    if (count > decodedBytesMax) throw tooLarge(decodedBytesMax)
    yield chunk
  }
}

async function* inflated(
  body: AsyncIterable<Uint8Array>,
  encoding: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array, void, undefined> {
  let sentBytes = 0
  const counted = async function* () {
    for await (const chunk of body) {
      sentBytes += chunk.length
      yield chunk
    }
  }
  const engine = openEngine(encoding)
  // A failure of the source reaches the reader below by way of the destroyed engine.
  pipeline(Readable.from(counted()), engine, () => undefined)
  try {
    for await (const chunk of engine) yield asBytes(chunk)
  } catch (error) {
    throw isCompressionError(error) ? broken(encoding, error) : error
  }
  // Node's zstd engine ends in silence behind a frame: a second frame, or garbage, must not get lost.
  if (engine.bytesWritten < sentBytes) throw broken(encoding, undefined)
}

type Engine = Transform & { bytesWritten: number }

const openEngine = (encoding: 'gzip' | 'zstd'): Engine =>
  encoding === 'gzip'
    ? createGunzip({ chunkSize: chunkBytes })
    : createZstdDecompress({ chunkSize: chunkBytes })

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  throw new TypeError('A decompressed chunk is not bytes')
}

const isCompressionError = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^(?:Z_|ZSTD_)/.test(error.code)

const broken = (encoding: string, cause: unknown): Refusal =>
  new Refusal(
    'request-invalid',
    `正文不是完整的单个 ${encoding} 压缩流,可能被截断、损坏或后接其他内容 / The body is not one whole ${encoding} stream; it was cut off or damaged, or something follows it`,
    { cause },
  )

const tooLarge = (limit: number): Refusal =>
  new Refusal(
    'payload-too-large',
    `解压后超过 ${limit} 字节上限,请分批上传 / The decompressed body is larger than ${limit} bytes; send it in pieces`,
  )
