import type { ExportManifest } from './proofs/export-manifest.ts'
import type { Findings } from './proofs/findings.ts'
import { fullTileRoot } from './proofs/tile-hashes.ts'
import { numbersOf, tilesNeeded, tileWidth, widthOf } from './proofs/tile-paths.ts'
import { isBad, parentHash, type Tiles } from './proofs/tree-from-tiles.ts'
import { notInTree, tileFault } from './proofs/tile-faults.ts'

/**
 * Checks every tile above the leaves, from the top down: a full one must have the root that the level above
 * holds for it. What the right edge holds has been checked against the checkpoint.
 */
export async function verifyTiles(
  findings: Findings,
  tiles: Tiles,
  manifest: ExportManifest,
): Promise<void> {
  const fail = findings.check('散列瓦片', 'hash tiles')
  const levels = tilesNeeded(manifest.ranges, manifest.checkpointSizes, tiles.size)
  for (let level = levels.length - 1; level >= 1; level -= 1) {
    for (const number of numbersOf(levels[level] ?? [])) {
      const tile = await tiles.read(level, number)
      if (isBad(tile)) {
        fail(tileFault(tile))
        continue
      }
      if (widthOf(level, number, tiles.size) < tileWidth) continue
      const parent = await parentHash(tiles, level, number)
      if (isBad(parent)) continue
      if (!fullTileRoot(tile).equals(parent))
        fail({ ...notInTree, path: tiles.path(level, number) })
    }
  }
}
