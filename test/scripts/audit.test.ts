import { execFile } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linesOf } from '../../scripts/audit/print-verdicts.ts'
import { verifyAll } from '../../scripts/audit/verify.ts'
import { consistencyPath, inclusionPath } from '../../src/hub/audit/sealed/build-proofs.ts'
import { tileStore } from '../../src/hub/audit/sealed/tile-store.ts'
import { type NoteSigner, signCheckpoint } from '../../src/hub/audit/sealed/sign-note.ts'
import { fullTileRoot, hashAt } from '../../src/shared/proofs/tile-hashes.ts'
import { tilePath } from '../../src/shared/proofs/tile-paths.ts'
import { isGoodReport } from '../../src/shared/proofs/findings.ts'
import { writeBundle } from '../../src/shared/proofs/bundles.ts'
import {
  type Checkpoint,
  leafHash,
  nodeHash,
  parseCheckpoint,
  parseNote,
} from '../../src/shared/proofs.ts'
import {
  minutesFrom,
  newSigner,
  openTestSealedLog,
  type TestLog,
} from '../hub/audit/export/exported-log.ts'
import { importsOf } from '../architecture/source-tree.ts'

let log: TestLog
/** A right export, from which each test takes a copy to spoil. */
let right: string
let ids: string[]
/** Of 300 entries, of the last one of 1100. */
let early: string
let late: string
let copyCount = 0
let origin: string
let signer: NoteSigner

beforeAll(async () => {
  log = await openTestSealedLog()
  ;({ origin, signer } = log)
  ids = await log.add(minutesFrom('2026-11-01T00:00:00Z', 300))
  early = file('early.txt', (await log.seal()).note)
  ids.push(...(await log.add(minutesFrom('2026-11-02T00:00:00Z', 800))))
  late = file('late.txt', (await log.seal()).note)
  ids.sort()
  right = await log.export('2026-11')
})
afterAll(() => log.close())

const run = promisify(execFile)

interface Told {
  code: number
  out: string
}

async function audit(...given: string[]): Promise<Told> {
  const script = join(import.meta.dirname, '../../scripts/audit.ts')
  const environment = { PATH: process.env.PATH, NODE_NO_WARNINGS: '1' }
  return run(process.execPath, [script, ...given], { env: environment }).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout + error.stderr,
    }),
  )
}

/** As the command does it, in this process: starting one takes longer than all that it then does. */
async function verify(...given: string[]): Promise<Told> {
  const many = { type: 'string', multiple: true } as const
  const options = { known: many, proof: many } as const
  const { values, positionals: names } = parseArgs({ args: given, options, allowPositionals: true })
  const { known = [], proof: proofs = [] } = values
  const keys = [signer.verifierKey]
  const verdicts = await verifyAll({ names, keys, known, proofs, tell: () => undefined })
  return { code: verdicts.every(isGoodReport) ? 0 : 1, out: linesOf(verdicts).join('\n') }
}

function file(name: string, text: string): string {
  const path = join(log.folder, name)
  writeFileSync(path, text)
  return path
}

function copy(): string {
  const folder = join(log.folder, `copy-${(copyCount += 1)}`)
  cpSync(right, folder, { recursive: true })
  return folder
}

const bundlePath = (folder: string, number: number, width = 256): string =>
  join(folder, tilePath({ level: 'entries', number, width }))

function entriesOf(path: string): Buffer[] {
  const bytes = readFileSync(path)
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const to = at + 2 + bytes.readUInt16BE(at)
    entries.push(bytes.subarray(at + 2, to))
    at = to
  }
  return entries
}

/** Changes a bundle as a whole. */
function rewrite(folder: string, number: number, change: (entries: Buffer[]) => Buffer[]): void {
  const path = bundlePath(folder, number)
  writeFileSync(path, writeBundle(change(entriesOf(path))))
}

const checkpointOf = (folder: string): Checkpoint => {
  const note = readFileSync(join(folder, 'checkpoint'), 'utf8')
  const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '')
  if (checkpoint === null) throw new Error('no checkpoint')
  return checkpoint
}

describe('a right export', () => {
  test('is found right, thing by thing, with nothing but its files and a key', async () => {
    const { code, out } = await audit('verify', right, '--key', signer.verifierKey)
    expect(out).not.toContain('✗')
    expect(out).toContain('✓ 全部核对通过')
    expect(code).toBe(0)
  })

  test('is found right under a key of one’s own, and without one it says where trust must come from', async () => {
    const keyFile = file('key.txt', `${signer.verifierKey}\n`)
    expect((await audit('verify', right, '--key', keyFile)).code).toBe(0)
    const { code, out } = await audit('verify', right)
    expect(code).toBe(0)
    expect(out).toContain(signer.verifierKey)
    expect(out).toContain('must come from elsewhere')
  })

  test('covers every checkpoint whose last entry it holds, without any proof', async () => {
    expect((await verify(right, '--known', early, '--known', late)).code).toBe(0)
    expect((await verify(right, early, late)).code).toBe(0)
  })

  test('is told to machines as JSON', async () => {
    const { out } = await audit('verify', right, '--json')
    expect(JSON.parse(out)).toMatchObject({ ok: true, results: [{ name: right, ok: true }] })
  })
})

describe('a log that was tampered with is found out', () => {
  test('one byte of an entry', async () => {
    const folder = copy()
    rewrite(folder, 1, (entries) => {
      const entry = entries[44] ?? Buffer.alloc(0)
      entry[20] = (entry[20] ?? 0) ^ 1
      return entries
    })
    const { code, out } = await verify(folder)
    expect(code).toBe(1)
    expect(out).toContain(`position 300, 条目 entry ${ids[300]}, 文件 file tile/entries/001`)
    expect(out.match(/was changed/g)).toHaveLength(1)
  })

  test('a row that was deleted, and nothing else is blamed', async () => {
    const folder = copy()
    rewrite(folder, 2, (entries) => entries.toSpliced(7, 1))
    const { code, out } = await verify(folder)
    expect(code).toBe(1)
    expect(out).toContain('the entry is missing  [位置 position 519')
    expect(out.match(/is missing/g)).toHaveLength(1)
    expect(out).not.toContain('swapped')
  })

  test('two that were swapped', async () => {
    const folder = copy()
    rewrite(folder, 0, (entries) => {
      const [one, other] = [entries[3], entries[9]]
      if (one === undefined || other === undefined) throw new Error('no entries')
      return entries.with(3, other).with(9, one)
    })
    const { code, out } = await verify(folder)
    expect(code).toBe(1)
    expect(out).toContain(`stands at position 9  [位置 position 3, 条目 entry ${ids[9]}`)
    expect(out).toContain(`stands at position 3  [位置 position 9, 条目 entry ${ids[3]}`)
  })

  test('a bundle or a tile that is cut off, padded or gone', async () => {
    const tile = tilePath({ level: 1, number: 0, width: 4 })
    for (const path of [tilePath({ level: 'entries', number: 1, width: 256 }), tile]) {
      const [cut, padded, gone] = [copy(), copy(), copy()]
      const bytes = readFileSync(join(right, path))
      writeFileSync(join(cut, path), bytes.subarray(0, -5))
      writeFileSync(join(padded, path), Buffer.concat([bytes, Buffer.alloc(1)]))
      rmSync(join(gone, path))
      for (const folder of [cut, padded, gone]) {
        const { code, out } = await verify(folder)
        expect(code, `${folder} ${path}`).toBe(1)
        expect(out).toContain(path)
      }
    }
  })

  test('a tile of leaves that was made anew with the bundle: the level above does not know it', async () => {
    const folder = copy()
    rewrite(folder, 1, (entries) => entries.with(44, entries[45] ?? Buffer.alloc(0)))
    const hashes = entriesOf(bundlePath(folder, 1)).map(leafHash)
    writeFileSync(
      join(folder, tilePath({ level: 0, number: 1, width: 256 })),
      Buffer.concat(hashes),
    )
    const { code, out } = await verify(folder)
    expect(code).toBe(1)
    expect(out).toContain('file tile/0/001')
    expect(out).toContain(
      `the id stands twice: first at position 300  [位置 position 301, 条目 entry ${ids[301]}`,
    )
  })

  test('a tree rebuilt and signed anew: by anyone who holds an earlier checkpoint', async () => {
    const folder = copy()
    rebuild(folder)
    // By itself it is a log like any other.
    expect((await verify(folder)).out).not.toContain('✗')
    for (const held of [early, late]) {
      const { code, out } = await verify(folder, '--known', held)
      expect(code).toBe(1)
      expect(out).toContain('history was rewritten')
    }
    expect((await verify(folder, late)).code).toBe(1)
  })

  test('a log that was rolled back: by anyone who holds a later checkpoint', async () => {
    const { code, out } = await verify(right, '--known', file('later.txt', later(1500)))
    expect(code).toBe(1)
    expect(out).toContain('rolled back')
  })

  test('a wrong signature, an unknown key, and a checkpoint of another log', async () => {
    const [forged, strange, other] = [copy(), copy(), copy()]
    const { size, root } = checkpointOf(right)
    const note = readFileSync(join(right, 'checkpoint'), 'utf8')
    const anotherRoot = signCheckpoint({ origin, size, root: Buffer.alloc(32) }, [signer])
    const spoiled = note.split('\n\n')[0] + '\n\n' + (anotherRoot.split('\n\n')[1] ?? '')
    sign(forged, spoiled)
    sign(strange, signCheckpoint({ origin, size, root }, [newSigner(origin)]))
    sign(other, signCheckpoint({ origin: 'another.log', size, root }, [signer]))
    expect((await verify(forged)).out).toContain('the signature is wrong')
    expect((await verify(strange)).out).toContain('none of the trusted keys has signed it')
    expect((await verify(other)).out).toContain('another.log')
  })

  test('an entry of another month, and one of the month that the manifest leaves out', async () => {
    const [moved, short] = [copy(), copy()]
    changeManifest(moved, (manifest) => ({ ...manifest, month: '2026-12' }))
    const { out } = await verify(moved)
    expect(out).toContain(`lies outside the month  [位置 position 0, 条目 entry ${ids[0]}]`)
    changeManifest(short, (manifest) => ({ ...manifest, ranges: [[0, 1099]], entryCount: 1099 }))
    const told = await verify(short)
    expect(told.code).toBe(1)
    expect(told.out).toContain(`leave it out  [位置 position 1099, 条目 entry ${ids[1099]}]`)
  })

  test('a manifest that is missing, broken or says another number', async () => {
    const [gone, broken, count] = [copy(), copy(), copy()]
    rmSync(join(gone, 'manifest.json'))
    writeFileSync(join(broken, 'manifest.json'), '{"format":')
    changeManifest(count, (manifest) => ({ ...manifest, entryCount: 7 }))
    for (const folder of [gone, broken, count]) expect((await verify(folder)).code).toBe(1)
  })
})

describe('a receipt', () => {
  const receipt = async (index: number) => {
    const store = tileStore(log.own.database.pool)
    const { size } = checkpointOf(right)
    const entry =
      entriesOf(bundlePath(right, Math.floor(index / 256)))[index % 256] ?? Buffer.alloc(0)
    const hashes = await inclusionPath(store, index, size)
    return {
      format: 'shuqiao-receipt/1',
      id: ids[index],
      leaf: leafHash(entry).toString('hex'),
      leafBytes: entry.toString('base64'),
      index,
      size,
      hashes: hashes.map((hash) => hash.toString('base64')),
      checkpoint: readFileSync(join(right, 'checkpoint'), 'utf8'),
      verifierKey: signer.verifierKey,
    }
  }

  test('is proved by itself, and together with the export', async () => {
    const path = file('receipt.json', JSON.stringify(await receipt(700)))
    const { code, out } = await verify(path)
    expect(out).not.toContain('✗')
    expect(code).toBe(0)
    expect((await verify(path, right)).code).toBe(0)
    expect((await audit('verify', path)).out).toContain('must come from elsewhere')
  })

  test('is refused with any part of it changed', async () => {
    const good = await receipt(700)
    const changes = {
      id: ids[701],
      leaf: leafHash(Buffer.alloc(1)).toString('hex'),
      leafBytes: Buffer.from('{}').toString('base64'),
      index: 701,
      size: 1099,
      hashes: good.hashes.toReversed(),
      checkpoint: good.checkpoint.replace('1100', '1101'),
      format: 'shuqiao-receipt/2',
    }
    for (const [name, value] of Object.entries(changes)) {
      const path = file(`bad-${name}.json`, JSON.stringify({ ...good, [name]: value }))
      expect((await verify(path)).code, name).toBe(1)
    }
  })
})

describe('checkpoints', () => {
  test('of different sizes are one log only with a proof that holds', async () => {
    const hashes = await consistencyPath(tileStore(log.own.database.pool), 300, 1100)
    const texts = hashes.map((hash) => hash.toString('base64'))
    const proof = file('proof.json', JSON.stringify({ from: 300, to: 1100, hashes: texts }))
    const wrong = file(
      'wrong.json',
      JSON.stringify({ from: 300, to: 1100, hashes: texts.slice(1) }),
    )
    expect((await verify(early, late, '--proof', proof)).code).toBe(0)
    expect((await verify(early, late)).out).toContain('not shown')
    expect((await verify(early, late, '--proof', wrong)).out).toContain('the proof fails')
  })

  test('of one size and two roots are two logs', async () => {
    const { code, out } = await verify(late, file('fork.txt', later(1100)))
    expect(code).toBe(1)
    expect(out).toContain('two roots at size 1100')
  })

  test('need a key', async () => {
    expect((await audit('verify', late)).code).toBe(1)
  })
})

describe('the command', () => {
  test('answers 2 to what it does not understand and to what it cannot read', async () => {
    for (const given of [
      [],
      ['verify'],
      ['burn'],
      ['export', '--month', '2026-13', '--to', 'x'],
      ['verify', '--odd', 'x'],
      ['verify', join(log.folder, 'nowhere')],
      ['verify', late, '--key', 'nonsense'],
    ]) {
      expect((await audit(...given)).code, given.join(' ')).toBe(2)
    }
    expect((await audit('--help')).code).toBe(0)
  })

  test('verifies with nothing of the hub: no database, and no code of the sealer', () => {
    const seen = new Set(['scripts/audit.ts'])
    for (const path of seen) {
      // Loaded by the other commands alone, when one of them is asked for.
      if (/^scripts\/audit\/(export|archive|rotate-key)\.ts$/.test(path)) continue
      for (const { to, isOurs } of importsOf(path)) if (isOurs) seen.add(to)
    }
    const foreign = [...seen].filter(
      (path) => !/^(scripts\/audit|src\/shared\/|schemas\/)/.test(path),
    )
    expect(foreign).toEqual([])
    expect(seen.size).toBeGreaterThan(15)
  })
})

function changeManifest(folder: string, change: (manifest: object) => object): void {
  const path = join(folder, 'manifest.json')
  const manifest: object = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify(change(manifest)))
}

/** Puts a checkpoint into an export, with a manifest that does not mind. */
function sign(folder: string, note: string): void {
  writeFileSync(join(folder, 'checkpoint'), note)
  changeManifest(folder, (manifest) => ({ ...manifest, digests: {} }))
}

/** A checkpoint that the hub's key has signed over something else. */
const later = (size: number): string =>
  signCheckpoint({ origin, size, root: leafHash(Buffer.from('another')) }, [signer])

/** Changes one entry, and makes everything above it anew, signatures and all: who holds the key can. */
function rebuild(folder: string): void {
  rewrite(folder, 0, (entries) => {
    const entry = entries[5] ?? Buffer.alloc(0)
    entry[20] = entry[20] === 65 ? 66 : 65
    return entries
  })
  const names = [0, 1, 2, 3].map((number) => bundlePath(folder, number))
  const tiles = names.map((name) => Buffer.concat(entriesOf(name).map(leafHash)))
  for (const [number, tile] of tiles.entries()) {
    writeFileSync(join(folder, tilePath({ level: 0, number, width: 256 })), tile)
  }
  const upper = Buffer.concat(tiles.map(fullTileRoot))
  writeFileSync(join(folder, tilePath({ level: 1, number: 0, width: 4 })), upper)
  const rest = Buffer.concat(entriesOf(bundlePath(folder, 4, 76)).map(leafHash))
  const whole = nodeHash(
    nodeHash(hashAt(upper, 0), hashAt(upper, 1)),
    nodeHash(hashAt(upper, 2), hashAt(upper, 3)),
  )
  sign(
    folder,
    signCheckpoint({ origin, size: 1100, root: nodeHash(whole, rootOf(rest)) }, [signer]),
  )
  rmSync(join(folder, 'checkpoints'), { recursive: true })
  changeManifest(folder, (manifest) => ({ ...manifest, checkpointSizes: [] }))
}

/** RFC 6962, section 2.1, as it stands there. */
function rootOf(hashes: Buffer): Buffer {
  const count = hashes.length / 32
  if (count === 1) return hashes
  let half = 1
  while (half * 2 < count) half *= 2
  return nodeHash(rootOf(hashes.subarray(0, half * 32)), rootOf(hashes.subarray(half * 32)))
}
