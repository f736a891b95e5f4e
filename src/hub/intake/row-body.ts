import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { ContentEncoding } from '../../exchange/decode/decompress.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { RowBody } from './push-rows.ts'

/** As a run keeps it: the media type with its charset, if it named one. */
export function readKept(kept: string | null): { mediaType: RowMediaType; charset?: string } {
  const [type = '', charset] = (kept ?? '').split(';charset=')
  const mediaType = mediaTypes.find((known) => known === type) ?? 'application/x-ndjson'
  return charset === undefined ? { mediaType } : { mediaType, charset }
}

export const readEncoding = (kept: string | null): ContentEncoding =>
  encodings.find((known) => known === kept) ?? 'identity'

const mediaTypes: readonly RowMediaType[] = ['application/x-ndjson', 'text/csv', 'application/json']
const encodings: readonly ContentEncoding[] = ['gzip', 'zstd', 'identity']

/** How the rows of a request are written, from its headers; `media-type-unsupported` where they are not of ours. */
export function rowBody(request: FastifyRequest, bytesMax: number): RowBody {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';')
  const mediaType = mediaTypes.find((known) => known === type.trim().toLowerCase())
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  const contentEncoding = encodings.find((known) => known === encoding)
  if (mediaType === undefined || contentEncoding === undefined) {
    throw new Refusal(
      'media-type-unsupported',
      `请使用 ${mediaTypes.join('、')};压缩用 gzip 或 zstd / Send one of these media types, compressed with gzip or zstd if at all`,
    )
  }
  const charset = charsetOf(parameters)
  return {
    bytes: whole(bounded(streamOf(request.body), bytesMax)),
    limits: { decodedBytesMax: bytesMax },
    mediaType,
    contentEncoding,
    ...(charset !== undefined && { charset }),
  }
}

/** What `takeStreams` hands on; a call without a body has none. */
const streamOf = (body: unknown): AsyncIterable<Uint8Array> =>
  body instanceof Readable ? body : Readable.from([])

function charsetOf(parameters: readonly string[]): string | undefined {
  const charset = parameters.map((one) => one.trim()).find((one) => /^charset=/i.test(one))
  return charset?.slice('charset='.length).replaceAll('"', '')
}

/**
 * A line that breaks is the caller's to mend, not a database that is away for a moment: the run ends as
 * failed at once, so that the same key may be sent again without waiting for a lease.
 */
async function* whole(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(
      'request-invalid',
      '内容未传完连接即中断;请用同一幂等键重新发送,已提交的批次不会重复 / The body broke off; send it again with the same idempotency key, what was committed is not repeated',
      { cause: error },
    )
  }
}

/** The body as sent is bounded by the setting, whatever it is compressed with; so is what it holds. */
async function* bounded(
  bytes: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  let byteCount = 0
  for await (const chunk of bytes) {
    byteCount += chunk.length
    if (byteCount > bytesMax) {
      throw new Refusal(
        'payload-too-large',
        `内容超过 ${bytesMax} 字节上限,请分批提交 / The body exceeds ${bytesMax} bytes; send it as a long load in batches`,
      )
    }
    yield chunk
  }
}
