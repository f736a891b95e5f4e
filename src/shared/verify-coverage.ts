import { manifestName, parseManifest } from './proofs/export-manifest.ts'
import { isBad, openTiles, type ReadFile } from './proofs/tree-from-tiles.ts'
import type { KnownCheckpoint } from './verify-checkpoints.ts'

/**
 * Whether an export's tiles give the roots of both checkpoints, which are then of one log. It says nothing
 * of an export whose tiles are not one tree: that is verified by itself.
 */
export async function coversBoth(
  read: ReadFile,
  pair: readonly [KnownCheckpoint, KnownCheckpoint],
): Promise<boolean> {
  const manifest = parseManifest((await read(manifestName))?.toString('utf8') ?? '')
  if (manifest === null) return false
  const tiles = openTiles(read, manifest.size)
  for (const { origin, size, root } of pair) {
    if (origin !== manifest.origin || size > manifest.size) return false
    const found = await tiles.rootAt(size)
    if (isBad(found) || !found.equals(root)) return false
  }
  return true
}
