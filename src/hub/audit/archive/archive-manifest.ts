import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { manifestName } from '../../../shared/proofs/export-manifest.ts'
import { archiveDamaged } from './archive-faults.ts'

/*
 * A month's archive: an export of its entries (`manifest.json` says what lies where, anyone can verify it), and
 *   details.sealed    what the entries say, and what finds them (`details-file.ts`)
 *   archive.json      this: the digests of both; its own digest is recorded in the database
 */
export const detailsName = 'details.sealed'
export const archiveName = 'archive.json'

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const ArchiveManifest = Type.Object({
  format: Type.Literal('shuqiao-audit-archive/1'),
  month: Type.String(),
  entryCount: Count,
  firstPosition: Count,
  lastPosition: Count,
  /** SHA-256 (hex) by file. */
  digests: Type.Object({
    [manifestName]: Type.String(),
    [detailsName]: Type.String(),
  }),
})
export type ArchiveManifest = Static<typeof ArchiveManifest>

export type ArchiveCounts = Pick<ArchiveManifest, 'entryCount' | 'firstPosition' | 'lastPosition'>

/** Writes `archive.json`; answers its digest. */
export async function writeManifest(
  folder: string,
  month: string,
  counts: ArchiveCounts,
): Promise<string> {
  const manifest: ArchiveManifest = {
    format: 'shuqiao-audit-archive/1',
    month,
    ...counts,
    digests: await digestFiles(folder),
  }
  const text = `${JSON.stringify(manifest, null, 1)}\n`
  const path = join(folder, archiveName)
  const file = await open(`${path}.part`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.part`, path)
  return hash('sha256', text)
}

/** Throws `ArchiveFault` where `archive.json` has another digest, or a file another than it says. */
export async function checkManifest(folder: string, digest: string | null): Promise<void> {
  const path = join(folder, archiveName)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw archiveDamaged(path, error)
  })
  if (hash('sha256', text) !== digest) throw archiveDamaged(path)
  const manifest: unknown = JSON.parse(text)
  if (!Check(ArchiveManifest, manifest)) throw archiveDamaged(path)
  for (const [name, found] of Object.entries(await digestFiles(folder))) {
    const said: Record<string, string> = manifest.digests
    if (said[name] !== found) throw archiveDamaged(join(folder, name))
  }
}

const digestFiles = async (folder: string): Promise<ArchiveManifest['digests']> => ({
  [manifestName]: await digestFile(join(folder, manifestName)),
  [detailsName]: await digestFile(join(folder, detailsName)),
})

async function digestFile(path: string): Promise<string> {
  const digest = createHash('sha256')
  await pipeline(createReadStream(path), digest).catch((error: unknown) => {
    throw archiveDamaged(path, error)
  })
  return digest.digest('hex')
}
