import { hash } from 'node:crypto'
import { type Findings, openFindings, type Report } from './proofs/findings.ts'
import {
  checkpointName,
  checkpointPath,
  type ExportManifest,
  keysName,
  manifestName,
  parseKeys,
  parseManifest,
} from './proofs/export-manifest.ts'
import { tileFault } from './proofs/tile-faults.ts'
import { followKeys } from './proofs/trusted-keys.ts'
import type { ExportFiles } from './proofs/export-files.ts'
import { isBad, openTiles, type ReadFile, type Tiles } from './proofs/tree-from-tiles.ts'
import { parseVerifierKey, type VerifierKey } from './proofs.ts'
import {
  checkPair,
  checkSignature,
  forked,
  type GivenProof,
  type KnownCheckpoint,
  type Trust,
} from './verify-checkpoints.ts'
import { verifyEntries } from './verify-entries.ts'
import { verifyTiles } from './verify-tiles.ts'

export interface ExportOptions {
  /** Keys whose signatures count; those that the export names where none are given. */
  keys?: readonly VerifierKey[]
  checks?: Trust['checks']
  /** Checkpoints that the reader has held since before. */
  known?: readonly KnownCheckpoint[]
  proofs?: readonly GivenProof[]
  /** Told after each bundle: entries done and in all. */
  tell?: (done: number, total: number) => void
}

export interface ExportReport extends Report {
  manifest: ExportManifest | null
  /** The checkpoint that everything was proved against. */
  checkpoint: KnownCheckpoint | null
}

/**
 * Checks an export of a month (`export-manifest.ts`) with nothing but its files: signatures, the tree from
 * every entry up to the root, which entries are the month's, and what they say where that is shown. Reads
 * each file once, and holds one bundle at a time.
 */
export async function verifyExport(
  files: ExportFiles,
  options: ExportOptions = {},
): Promise<ExportReport> {
  const findings = openFindings()
  const manifest = await readManifest(findings, files.read)
  if (manifest === null) return { ...findings.report(), manifest, checkpoint: null }
  const trust = await trustOf(findings, files.read, options)
  const { last, others } = await openCheckpoints(findings, files.read, { manifest, trust })
  const tiles = openTiles(files.read, last?.size ?? manifest.size)
  if (last !== null) await checkRoots(findings, tiles, [last, ...others])
  await verifyTiles(findings, tiles, manifest)
  await verifyEntries({ findings, files, tiles, manifest, tell: options.tell ?? (() => undefined) })
  if (last !== null) await checkKnown({ findings, tiles, last, options })
  return { ...findings.report(), manifest, checkpoint: last }
}

async function readText(read: ReadFile, path: string): Promise<string | null> {
  return (await read(path))?.toString('utf8') ?? null
}

async function readManifest(findings: Findings, read: ReadFile): Promise<ExportManifest | null> {
  const fail = findings.check('清单', 'manifest')
  const text = await readText(read, manifestName)
  const manifest = text === null ? null : parseManifest(text)
  if (manifest === null) {
    const zh = text === null ? '缺少 manifest.json,不是审计导出' : 'manifest.json 有误'
    const en =
      text === null ? 'manifest.json is missing: this is no export' : 'manifest.json is wrong'
    fail({ zh, en, path: manifestName })
    return null
  }
  for (const [path, digest] of Object.entries(manifest.digests)) {
    const bytes = await read(path)
    if (bytes === null) fail({ zh: '文件缺失', en: 'the file is missing', path })
    else if (hash('sha256', bytes) !== digest) {
      fail({ zh: '与清单的校验值不符', en: "it does not have the manifest's digest", path })
    }
  }
  return manifest
}

/** Trust in a key that only the export names must come from elsewhere: that is said, not assumed. */
async function trustOf(
  findings: Findings,
  read: ReadFile,
  { keys, checks = {} }: ExportOptions,
): Promise<Trust> {
  const known = parseKeys((await readText(read, keysName)) ?? '')
  if (known === null) {
    const fail = findings.check('公钥', 'keys')
    fail({ zh: 'keys.json 缺失或有误', en: 'keys.json is missing or wrong', path: keysName })
  }
  if (keys !== undefined && keys.length > 0) {
    return { keys: followKeys(keys, known ?? [], checks), checks }
  }
  const named = (known ?? []).map(({ verifierKey }) => verifierKey)
  findings.notice(
    `未给出 --key:按导出自带的公钥核对 ${named.join('、')};是否可信须另行确认`,
    `no --key: checked with the keys that the export names itself (${named.join(', ')}); whether to trust them must come from elsewhere`,
  )
  return { keys: named.map(parseVerifierKey).filter((key) => key !== null), checks }
}

interface Opened {
  last: KnownCheckpoint | null
  others: KnownCheckpoint[]
}

async function openCheckpoints(
  findings: Findings,
  read: ReadFile,
  { manifest, trust }: { manifest: ExportManifest; trust: Trust },
): Promise<Opened> {
  const open = async (path: string, size: number): Promise<KnownCheckpoint | null> => {
    const note = (await readText(read, path)) ?? ''
    const checkpoint = checkSignature(findings, { name: path, note }, trust)
    if (checkpoint === null) return null
    if (checkpoint.size === size && checkpoint.origin === manifest.origin) return checkpoint
    const fail = findings.check(`检查点 ${path}`, `checkpoint ${path}`)
    const zh = `应为 ${manifest.origin} 的 ${size} 条,实为 ${checkpoint.origin} 的 ${checkpoint.size} 条`
    const en = `it should be of ${manifest.origin}, size ${size}, and is of ${checkpoint.origin}, size ${checkpoint.size}`
    fail({ zh, en, path })
    return null
  }
  const last = await open(checkpointName, manifest.size)
  const others: KnownCheckpoint[] = []
  for (const size of manifest.checkpointSizes) {
    const checkpoint = await open(checkpointPath(size), size)
    if (checkpoint !== null) others.push(checkpoint)
  }
  return { last, others }
}

/** The tiles' right edges at each size must give the root that was signed for it. */
async function checkRoots(
  findings: Findings,
  tiles: Tiles,
  checkpoints: readonly KnownCheckpoint[],
): Promise<void> {
  for (const checkpoint of checkpoints) {
    const { name, size } = checkpoint
    const fail = findings.check(`树根 ${name} (${size})`, `root of ${name} (${size})`)
    const root = await tiles.rootAt(size)
    if (isBad(root)) fail(tileFault(root))
    else if (!root.equals(checkpoint.root)) {
      const zh = '由瓦片算出的根与签名检查点不符:树被改写,或检查点来自另一棵树'
      const en =
        'the tiles do not give the root that was signed: the tree was rewritten, or the checkpoint is of another one'
      fail({ zh, en, path: name })
    }
  }
}

interface KnownCall {
  findings: Findings
  tiles: Tiles
  last: KnownCheckpoint
  options: ExportOptions
}

/** What its reader held before must be the beginning of what the export has. */
async function checkKnown({ findings, tiles, last, options }: KnownCall): Promise<void> {
  for (const known of options.known ?? []) {
    const isOlder = known.size < last.size && known.origin === last.origin
    const root = isOlder ? await tiles.rootAt(known.size) : null
    if (root === null || isBad(root)) {
      checkPair(findings, [known, last], options.proofs ?? [])
      if (known.size > last.size) findings.notice(...rolledBack(known, last))
      continue
    }
    const fail = findings.check(
      `与所持检查点 ${known.name} (${known.size}) 一致`,
      `consistency with the known checkpoint ${known.name} (${known.size})`,
    )
    if (!root.equals(known.root)) fail({ ...forked(known, { ...known, root }), path: known.name })
  }
}

const rolledBack = (known: KnownCheckpoint, last: KnownCheckpoint): [string, string] => [
  `所持检查点 ${known.name} 有 ${known.size} 条,导出只有 ${last.size} 条:若导出晚于它,日志已被回退`,
  `the known checkpoint ${known.name} has ${known.size} entries, the export ${last.size}: if the export is the later one, the log was rolled back`,
]
