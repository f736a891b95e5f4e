import { generateKeyPairSync, hash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ExportSource } from '../../src/hub/audit/export/export-source.ts'
import { writeExport } from '../../src/hub/audit/export/write-export.ts'
import { makeLeaf } from '../../src/hub/audit/leaf.ts'
import { ed25519Signer, signCheckpoint } from '../../src/hub/audit/sealed/sign-note.ts'
import { hashBytes, tileWidth, treeTail } from '../../src/hub/audit/sealed/tree-tail.ts'
import { isGoodReport } from '../../src/shared/proofs/findings.ts'
import { parseVerifierKey, type VerifierKey } from '../../src/shared/proofs.ts'
import { verifyExport } from '../../src/shared/verify-export.ts'
import { openFolder } from '../audit/read-files.ts'
import type { City } from './city.ts'
import { atMost, mean, type Results } from './results.ts'

const month = '2026-11'
const monthBegan = Date.UTC(2026, 10, 1)
const origin = 'shuqiao/bench'
const roundCount = 3
const sealedAtOnce = 10_000

/** The n-th entry of a busy month: ten in a millisecond. */
function leafAt(index: number): { text: string; hash: string } {
  const ms = monthBegan + Math.floor(index / 10)
  const time = ms.toString(16).padStart(12, '0')
  const digits = hash('sha256', `entry ${index}`, 'hex')
  const order = (index % 10).toString(16).padStart(3, '0')
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7${order}-8${digits.slice(0, 3)}-${digits.slice(3, 15)}`
  return makeLeaf(id, new Date(ms).toISOString(), `{"open":"${digits}"}`)
}

/** A month of the log as the sealer would have it, without the database below it. */
function sealMonth(count: number): ExportSource {
  const tail = treeTail(0, [])
  const leaves = Buffer.alloc(count * hashBytes)
  const above: Buffer[][] = []
  for (let at = 0; at < count; at += sealedAtOnce) {
    const hashes = Array.from({ length: Math.min(sealedAtOnce, count - at) }, (_, index) => {
      const place = (at + index) * hashBytes
      leaves.write(leafAt(at + index).hash, place, hashBytes, 'hex')
      return leaves.subarray(place, place + hashBytes)
    })
    for (const { level, root } of tail.append(hashes)) (above[level] ??= []).push(root)
  }
  const { privateKey } = generateKeyPairSync('ed25519')
  const signer = ed25519Signer(origin, privateKey)
  const note = signCheckpoint({ origin, size: count, root: tail.root() }, [signer])
  return {
    month,
    origin,
    last: { size: count, note },
    checkpoints: [],
    keys: [{ verifierKey: signer.verifierKey, handover: null }],
    ranges: [[0, count]],
    store: {
      tile: (level, number, width) => {
        const [from, to] = [number * tileWidth, number * tileWidth + width]
        return Promise.resolve(
          level === 0
            ? leaves.subarray(from * hashBytes, to * hashBytes)
            : Buffer.concat((above[level - 1] ?? []).slice(from, to)),
        )
      },
      bundle: (number, width) =>
        Promise.resolve(
          Array.from({ length: width }, (_, index) =>
            Buffer.from(leafAt(number * tileWidth + index).text),
          ),
        ),
    },
  }
}

/** Offline verification of an export, against reading its bundles and hashing every entry once. */
export async function measureAuditVerify({
  folder,
  options,
}: Pick<City, 'folder' | 'options'>): Promise<Results> {
  const target = join(folder, 'audit-export')
  const keys = await exportMonth(target, options.rowCount)
  const [own, plain]: number[][] = [[], []]
  for (let round = 0; round <= roundCount; round += 1) {
    own?.push(await secondsOf(() => verifyMonth(target, keys)))
    plain?.push(await secondsOf(() => hashMonth(target)))
  }
  rmSync(target, { recursive: true })
  // The first round of each warms up.
  const [value, baseline] = [mean(own?.slice(1) ?? []), mean(plain?.slice(1) ?? [])]
  return { 'audit-verify': atMost(3, { value, unit: 's', baseline }) }
}

async function secondsOf(work: () => Promise<void> | void): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/** Answers the keys to trust. What it took to write the month is let go of with it. */
async function exportMonth(folder: string, count: number): Promise<VerifierKey[]> {
  const source = sealMonth(count)
  await writeExport(source, { folder })
  return source.keys
    .map(({ verifierKey }) => parseVerifierKey(verifierKey))
    .filter((key) => key !== null)
}

async function verifyMonth(folder: string, keys: readonly VerifierKey[]): Promise<void> {
  const report = await verifyExport(openFolder(folder), { keys })
  if (!isGoodReport(report)) throw new Error('the export of the bench does not verify')
}

/** What nobody can do without who checks entries: each is read, and hashed by itself. */
function hashMonth(folder: string): void {
  const bundles = join(folder, 'tile', 'entries')
  for (const name of readdirSync(bundles, { recursive: true, encoding: 'utf8' })) {
    if (!/\d{3}$|\.p\/\d+$/.test(name) || /x\d{3}$/.test(name)) continue
    const bytes = readFileSync(join(bundles, name))
    for (let at = 0; at < bytes.length;) {
      const to = at + 2 + bytes.readUInt16BE(at)
      hash('sha256', bytes.subarray(at + 2, to), 'hex')
      at = to
    }
  }
}
