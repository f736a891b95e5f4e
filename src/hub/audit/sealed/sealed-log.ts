import { withArchives } from '../archive/archived-bundles.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { consistencyPath, inclusionPath } from './build-proofs.ts'
import { readSealKeys, type SealKey } from './seal-keys.ts'
import { leavesUnder, type TileAddress } from './tile-path.ts'
import { type SignedCheckpoint, type TileStore, tileStore } from './tile-store.ts'

/** That an entry stands in the log: all that a verifier needs beside the entry itself. */
export interface Seal {
  index: number
  size: number
  leaf: Buffer
  /** From the leaf up to the root (RFC 6962, section 2.1.1). */
  hashes: Buffer[]
  /** The signed note. */
  checkpoint: string
  verifierKey: string
}

/** The log as it is sealed, for whoever reads it. Nothing behind the last checkpoint is ever shown. */
export interface SealedLog {
  checkpoint(): Promise<SignedCheckpoint | null>
  /** Every key that has signed, oldest first. */
  keys(): Promise<SealKey[]>
  /** A tile's or a bundle's bytes; null where the checkpoint does not reach so far. */
  tile(address: TileAddress): Promise<Buffer | null>
  /** An entry's seal; null while it has none, for which it is waited so many milliseconds at most. */
  seal(entryId: string, waitMsMax: number): Promise<Seal | null>
  /** The proof between two sizes; null where the checkpoint does not reach so far. */
  consistency(from: number, to: number): Promise<Buffer[] | null>
}

const lookAgainMs = 100

export function sealedLog(pool: Pick<Pool, 'query'>): SealedLog {
  const store = withArchives(tileStore(pool), pool)
  // The log only grows: what it once reached it reaches for ever, and most that is asked for is old.
  let sizeReached = 0
  const checkpoint = async (): Promise<SignedCheckpoint | null> => {
    const last = await store.checkpoint()
    sizeReached = Math.max(sizeReached, last?.size ?? 0)
    return last
  }
  const reaches = async (size: number): Promise<boolean> => {
    if (size > sizeReached) await checkpoint()
    return size <= sizeReached
  }
  return {
    checkpoint,
    keys: () => readSealKeys(pool),
    tile: async (address) =>
      (await reaches(leavesUnder(address))) ? readTile(store, address) : null,
    consistency: async (from, to) =>
      (await reaches(to)) ? consistencyPath(store, from, to) : null,
    seal: async (entryId, waitMsMax) => {
      for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
        const seal = await findSeal(store, await checkpoint(), entryId)
        if (seal !== null || waitedMs >= waitMsMax) return seal
        await sleep(lookAgainMs)
      }
    },
  }
}

async function findSeal(
  store: TileStore,
  signed: SignedCheckpoint | null,
  entryId: string,
): Promise<Seal | null> {
  if (signed === null) return null
  const { size, note, verifierKey } = signed
  const found = await store.leafOf(entryId)
  if (found === null || found.position >= size) return null
  const { position: index, hash: leaf } = found
  const hashes = await inclusionPath(store, index, size)
  return { index, size, leaf, hashes, checkpoint: note, verifierKey }
}

async function readTile(store: TileStore, address: TileAddress): Promise<Buffer | null> {
  const { kind, level, number, width } = address
  if (kind === 'hashes') return store.tile(level, number, width)
  const leaves = await store.bundle(number, width)
  return leaves === null ? null : Buffer.concat(leaves.flatMap(lengthPrefixed))
}

/** A bundle's entries, each behind its length in two bytes, big-endian (C2SP tlog-tiles, "Log Entries"). */
function lengthPrefixed(leaf: Buffer): Buffer[] {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(leaf.length)
  return [length, leaf]
}
