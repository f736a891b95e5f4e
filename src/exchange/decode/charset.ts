import { isAscii, isUtf8 } from 'node:buffer'
import { Refusal } from '../../shared/refusal.ts'

export type Charset = 'utf-8' | 'gb18030'

/** GBK and GB 2312 are subsets of GB 18030-2022. */
const charsets: Record<string, Charset> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  gb18030: 'gb18030',
  gbk: 'gb18030',
  gb2312: 'gb18030',
}

/** The charset of a media type's parameter. Throws Refusal `media-type-unsupported`. */
export function namedCharset(name: string): Charset {
  const charset = charsets[name.toLowerCase()]
  if (charset) return charset
  throw new Refusal(
    'media-type-unsupported',
    `不支持的字符集 ${name},请用 UTF-8 或 GB18030 / The charset ${name} is not supported; use UTF-8 or GB18030`,
  )
}

/** Throws Refusal when the body begins with the byte order mark of UTF-16, which Excel's “Unicode text” has. */
export function refuseUtf16(head: Uint8Array): void {
  const isUtf16 = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)
  if (!isUtf16) return
  throw new Refusal(
    'request-invalid',
    '正文是 UTF-16 编码,请另存为 UTF-8 再上传 / The body is UTF-16; save it as UTF-8 and send it again',
  )
}

/** Bytes of the byte order mark at the beginning, which is no part of the first row. */
export const bomLength = (head: Uint8Array): number =>
  head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0

/** Text of bytes from..to, or undefined when they are not valid in the charset. */
export type StrictDecoder = (bytes: Buffer, from: number, to: number) => string | undefined

const decodeUtf8: StrictDecoder = (bytes, from, to) =>
  isUtf8(bytes.subarray(from, to)) ? bytes.toString('utf8', from, to) : undefined

function gb18030Decoder(): StrictDecoder {
  const decoder = new TextDecoder('gb18030', { fatal: true })
  return (bytes, from, to) => {
    try {
      return decoder.decode(bytes.subarray(from, to))
    } catch {
      return undefined
    }
  }
}

/** A decoder for the records of one block: where the whole of it is valid UTF-8, no record is tested again. */
export function strictDecoder(charset: Charset, block: Buffer): StrictDecoder {
  if (charset === 'gb18030') return gb18030Decoder()
  return isUtf8(block) ? (bytes, from, to) => bytes.toString('utf8', from, to) : decodeUtf8
}

/**
 * The charset of the first records that are not plain ASCII, or undefined while all are. Each record
 * votes for the charset that it is valid in, so that one broken row decides nothing; those valid in
 * both are UTF-8, since Chinese text in GB18030 is hardly ever valid UTF-8 by chance.
 */
export function detectCharset(records: readonly Buffer[]): Charset | undefined {
  const telling = records.filter((record) => !isAscii(record))
  if (telling.length === 0) return undefined
  const decodeGb18030 = gb18030Decoder()
  let balance = 0
  for (const record of telling) {
    if (isUtf8(record)) balance++
    else if (decodeGb18030(record, 0, record.length) !== undefined) balance--
  }
  return balance >= 0 ? 'utf-8' : 'gb18030'
}
