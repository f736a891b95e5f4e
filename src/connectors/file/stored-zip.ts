import { createInflateRaw } from 'node:zlib'
import { pipeline, Readable } from 'node:stream'
import { Refusal } from '../../shared/refusal.ts'
import { workbookLimits } from './workbook-limits.ts'

/** Bytes that lie somewhere and can be read from any place: a local file, a remote one, a buffer. */
export interface StoredBytes {
  size: number
  /** The bytes from..to, `to` not included. */
  stream(from: number, to: number): AsyncIterable<Uint8Array>
}

export const bytesOf = (buffer: Uint8Array): StoredBytes => ({
  size: buffer.length,
  async *stream(from, to) {
    yield buffer.subarray(from, to)
  },
})

interface Part {
  name: string
  method: number
  crc: number
  packedSize: number
  size: number
  offset: number
}

const localSignature = 0x04034b50
const centralSignature = 0x02014b50
const endSignature = 0x06054b50
const zip64Sentinel = 0xffffffff
const localHeaderBytes = 30
const centralHeaderBytes = 46
const endBytes = 22

/**
 * The parts of an xlsx that hold rows, as a zip of their own: first what the reader must hold (relations,
 * styles, shared texts), then the worksheets, all of them unpacked. Excel writes the worksheets first, and
 * a reader that meets them before the texts has to hold the whole file (APPNOTE 6.3.10 §4.3).
 */
export async function* reorderedZip(source: StoredBytes): AsyncGenerator<Uint8Array> {
  const parts = (await readDirectory(source)).filter(isNeeded).toSorted((a, b) => rank(a) - rank(b))
  const held = parts.reduce((sum, part) => sum + (rank(part) < 2 ? part.size : 0), 0)
  if (held > workbookLimits.heldBytesMax) throw textsTooLarge()
  let offset = 0
  const directory: Buffer[] = []
  for (const part of parts) {
    const header = localHeader(part)
    directory.push(centralHeader(part, offset))
    yield header
    yield* unpacked(source, part)
    offset += header.length + part.size
  }
  const central = Buffer.concat(directory)
  yield central
  yield endRecord(parts.length, central.length, offset)
}

const isNeeded = ({ name }: Part): boolean =>
  name === '[Content_Types].xml' ||
  name.endsWith('.rels') ||
  /^xl\/[^/]+\.xml$/i.test(name) ||
  /^xl\/worksheets\/[^/]+\.xml$/i.test(name)

const rank = ({ name }: Part): number =>
  /^xl\/worksheets\/[^/]+\.xml$/i.test(name) ? 2 : name.startsWith('xl/') ? 1 : 0

async function* unpacked(source: StoredBytes, part: Part): AsyncGenerator<Uint8Array> {
  const head = await collect(source.stream(part.offset, part.offset + localHeaderBytes))
  if (head.length < localHeaderBytes || head.readUInt32LE(0) !== localSignature) throw broken()
  const start = part.offset + localHeaderBytes + head.readUInt16LE(26) + head.readUInt16LE(28)
  const packed = source.stream(start, start + part.packedSize)
  let byteCount = 0
  for await (const chunk of part.method === 0 ? packed : inflated(packed)) {
    byteCount += chunk.length
    if (byteCount > part.size) throw broken()
    yield chunk
  }
  if (byteCount !== part.size) throw broken()
}

async function* inflated(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const engine = createInflateRaw({ chunkSize: 64 * 1024 })
  // A failure of the source reaches the reader below by way of the destroyed engine.
  pipeline(Readable.from(packed), engine, () => undefined)
  try {
    for await (const chunk of engine) {
      if (chunk instanceof Uint8Array) yield chunk
    }
  } catch (error) {
    const isBroken =
      error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
    throw isBroken ? broken(error) : error
  }
}

async function readDirectory(source: StoredBytes): Promise<Part[]> {
  const tailBytes = Math.min(source.size, 65_535 + endBytes + 20 + 56)
  const tail = await collect(source.stream(source.size - tailBytes, source.size))
  const { offset, size } = findDirectory(tail, source.size)
  if (size > workbookLimits.directoryBytesMax || offset + size > source.size) throw broken()
  const bytes = await collect(source.stream(offset, offset + size))
  const parts: Part[] = []
  let at = 0
  while (at + centralHeaderBytes <= bytes.length && bytes.readUInt32LE(at) === centralSignature) {
    parts.push(readPart(bytes, at))
    at +=
      centralHeaderBytes +
      bytes.readUInt16LE(at + 28) +
      bytes.readUInt16LE(at + 30) +
      bytes.readUInt16LE(at + 32)
  }
  return parts
}

function findDirectory(tail: Buffer, fileSize: number): { offset: number; size: number } {
  const signature = Buffer.alloc(4)
  signature.writeUInt32LE(endSignature)
  const end = tail.lastIndexOf(signature)
  if (end < 0 || end + endBytes > tail.length) throw notAWorkbook(fileSize)
  const offset = tail.readUInt32LE(end + 16)
  const size = tail.readUInt32LE(end + 12)
  if (offset !== zip64Sentinel && size !== zip64Sentinel) return { offset, size }
  // ZIP64: the record before the locator holds the wide values (APPNOTE §4.3.14).
  const record = end - 20 - 56
  if (record < 0 || tail.readUInt32LE(record) !== 0x06064b50) throw broken()
  return {
    offset: Number(tail.readBigUInt64LE(record + 48)),
    size: Number(tail.readBigUInt64LE(record + 40)),
  }
}

function readPart(bytes: Buffer, at: number): Part {
  const nameLength = bytes.readUInt16LE(at + 28)
  const extraLength = bytes.readUInt16LE(at + 30)
  const extraAt = at + centralHeaderBytes + nameLength
  const method = bytes.readUInt16LE(at + 10)
  const isEncrypted = (bytes.readUInt16LE(at + 8) & 1) === 1
  if ((method !== 0 && method !== 8) || isEncrypted || extraAt + extraLength > bytes.length) {
    throw broken()
  }
  const wide = wideValues(bytes.subarray(extraAt, extraAt + extraLength))
  const value = (position: number): number => {
    const narrow = bytes.readUInt32LE(at + position)
    return narrow === zip64Sentinel ? (wide.shift() ?? narrow) : narrow
  }
  // The order of the wide values is fixed: size, packed size, offset (APPNOTE §4.5.3).
  const size = value(24)
  const packedSize = value(20)
  const offset = value(42)
  if (size >= zip64Sentinel) throw broken()
  const name = bytes.toString('utf8', at + centralHeaderBytes, extraAt)
  return { name, method, crc: bytes.readUInt32LE(at + 16), packedSize, size, offset }
}

function wideValues(extra: Buffer): number[] {
  let at = 0
  while (at + 4 <= extra.length) {
    const length = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 1 && at + 4 + length <= extra.length) {
      return Array.from({ length: Math.floor(length / 8) }, (_, index) =>
        Number(extra.readBigUInt64LE(at + 4 + index * 8)),
      )
    }
    at += 4 + length
  }
  return []
}

function localHeader({ name, crc, size }: Part): Buffer {
  const bytes = Buffer.byteLength(name)
  const header = Buffer.alloc(localHeaderBytes + bytes)
  header.writeUInt32LE(localSignature, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(size, 18)
  header.writeUInt32LE(size, 22)
  header.writeUInt16LE(bytes, 26)
  header.write(name, localHeaderBytes)
  return header
}

function centralHeader({ name, crc, size }: Part, offset: number): Buffer {
  const bytes = Buffer.byteLength(name)
  const header = Buffer.alloc(centralHeaderBytes + bytes)
  header.writeUInt32LE(centralSignature, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(20, 6)
  header.writeUInt32LE(crc, 16)
  header.writeUInt32LE(size, 20)
  header.writeUInt32LE(size, 24)
  header.writeUInt16LE(bytes, 28)
  header.writeUInt32LE(offset % 2 ** 32, 42)
  header.write(name, centralHeaderBytes)
  return header
}

function endRecord(partCount: number, size: number, offset: number): Buffer {
  const record = Buffer.alloc(endBytes)
  record.writeUInt32LE(endSignature, 0)
  record.writeUInt16LE(partCount, 8)
  record.writeUInt16LE(partCount, 10)
  record.writeUInt32LE(size, 12)
  record.writeUInt32LE(offset % 2 ** 32, 16)
  return record
}

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Encrypted workbooks and .xls files lie in an OLE2 container, which is no zip. */
const notAWorkbook = (fileSize: number): Refusal =>
  new Refusal(
    'request-invalid',
    `文件(${fileSize} 字节)不是 xlsx:可能已加密、是旧版 xls,或没有写完 / The file (${fileSize} bytes) is no xlsx: it may be encrypted, an old .xls, or unfinished`,
  )

const broken = (cause?: unknown): Refusal =>
  new Refusal(
    'request-invalid',
    'xlsx 文件已损坏,请重新另存 / The xlsx file is damaged; save it again',
    { cause },
  )

const textsTooLarge = (): Refusal =>
  new Refusal(
    'payload-too-large',
    `xlsx 的文本部分展开后超过 ${workbookLimits.heldBytesMax} 字节,请改用 CSV 或拆分 / The texts of the xlsx take more than ${workbookLimits.heldBytesMax} bytes when expanded; use CSV, or split it`,
  )
