import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { type Readable, Transform, type TransformCallback } from 'node:stream'
import { pipeline as pump } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import type { ClientBase } from 'pg'
import copyStreams from 'pg-copy-streams'
import { quoted } from '../records/record-table.ts'
import type { KeptTable, TableFacts } from './manifest.ts'

/** Told of bytes as they pass, uncompressed. */
export type CountBytes = (count: number) => void

interface Passing {
  transform: Transform
  bytes: () => number
}

/** Looks at what passes, without keeping any of it. */
function watch(look: (chunk: Buffer) => void): Passing {
  let bytes = 0
  const transform = new Transform({
    transform(chunk: Buffer, _encoding: string, done: TransformCallback) {
      bytes += chunk.length
      look(chunk)
      done(null, chunk)
    },
  })
  return { transform, bytes: () => bytes }
}

const digesting = (digest: Hash): Passing => watch((chunk) => void digest.update(chunk))

export type CopiedFile = Pick<KeptTable, 'rows' | 'bytes' | 'fileBytes' | 'sha256'>

const qualified = (schema: string, name: string): string => `${quoted(schema)}.${quoted(name)}`

/** Writes one table to a file (0600, on the disk when this resolves); memory does not grow with it. */
export async function copyOut(
  client: ClientBase,
  table: TableFacts,
  to: { path: string; count: CountBytes },
): Promise<CopiedFile> {
  const columns = table.columns.map(quoted).join(', ')
  const name = qualified(table.schema, table.name)
  // A query locks every index of its tables until the snapshot ends, too many for a server with hundreds of
  // resources; but of partitioned tables COPY takes nothing else.
  const from = table.isPartitioned ? `(select ${columns} from ${name})` : `${name} (${columns})`
  const rows = client.query(copyStreams.to(`copy ${from} to stdout`))
  const digest = createHash('sha256')
  const plain = watch((chunk) => to.count(chunk.length))
  const packed = digesting(digest)
  const file = createWriteStream(to.path, { mode: 0o600, flags: 'wx', flush: true })
  await pump(rows, plain.transform, createZstdCompress(), packed.transform, file)
  // The count comes with the command's end, which the next command has to wait for.
  await client.query('select')
  return {
    rows: rows.rowCount,
    bytes: plain.bytes(),
    fileBytes: packed.bytes(),
    sha256: digest.digest('hex'),
  }
}

/** Whether a file is, byte by byte, the one that was written. */
export async function isUnchanged(
  path: string,
  { sha256, count }: { sha256: string; count: CountBytes },
): Promise<boolean> {
  const digest = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    digest.update(chunk)
    count(chunk.length)
  }
  return digest.digest('hex') === sha256
}

export interface CopiedIn {
  rows: number
  /** Of the bytes that were read this time. */
  sha256: string
}

/** Loads one file; `isFrozen`: into a table made in this very transaction, so that its rows need no vacuum. */
export async function copyIn(
  client: ClientBase,
  table: KeptTable,
  from: { path: string; count: CountBytes; isFrozen: boolean },
): Promise<CopiedIn> {
  const columns = table.columns.map(quoted).join(', ')
  const options = from.isFrozen ? ' with (freeze)' : ''
  const sink = client.query(
    copyStreams.from(
      `copy ${qualified(table.schema, table.name)} (${columns}) from stdin${options}`,
    ),
  )
  const digest = createHash('sha256')
  const packed: Readable = createReadStream(from.path, { highWaterMark: 256 * 1024 })
  const plain = watch((chunk) => from.count(chunk.length))
  await pump(packed, digesting(digest).transform, createZstdDecompress(), plain.transform, sink)
  return { rows: sink.rowCount ?? 0, sha256: digest.digest('hex') }
}
