import type { FastifyRequest } from 'fastify'
import type { RowMediaType } from '../../exchange/decode/decode-rows.ts'
import type { ContentEncoding } from '../../exchange/decode/decompress.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { RowBody } from './push-rows.ts'

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
    bytes: bounded(request.body as AsyncIterable<Uint8Array>, bytesMax),
    mediaType,
    contentEncoding,
    ...(charset !== undefined && { charset }),
  }
}

function charsetOf(parameters: readonly string[]): string | undefined {
  const charset = parameters.map((one) => one.trim()).find((one) => /^charset=/i.test(one))
  return charset?.slice('charset='.length).replaceAll('"', '')
}

/** The body as sent is bounded by the setting, whatever it is compressed with. */
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
