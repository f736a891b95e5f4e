import { createHash } from 'node:crypto'

/**
 * The id of the run that a sync's schedule makes at that time: the same wherever and however often it is
 * asked, so that any number of schedulers make one run. A UUID of version 7 in form (RFC 9562, 5.7): its
 * time is the scheduled one, its random bits are of SHA-256 over sync and time.
 */
export function runIdOf(syncId: string, scheduledAt: Date): string {
  const ms = scheduledAt.getTime()
  const bytes = createHash('sha256').update(`${syncId}\n${ms}`).digest().subarray(0, 16)
  bytes.writeUIntBE(ms, 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  const cuts = [0, 8, 12, 16, 20, 32]
  return cuts
    .slice(1)
    .map((end, index) => hex.slice(cuts[index], end))
    .join('-')
}
