import { cosignatureChecks } from '../../src/shared/anchor/cosign.ts'
import { sm2Checks } from '../../src/shared/sm2-note.ts'
import { join } from 'node:path'
import { Check } from 'typebox/value'
import { ConsistencyProof, Receipt } from '../../schemas/api/audit.ts'
import { keysName, type KnownKeys, parseKeys } from '../../src/shared/proofs/export-manifest.ts'
import { openFindings, type Report } from '../../src/shared/proofs/findings.ts'
import { followKeys } from '../../src/shared/proofs/trusted-keys.ts'
import { parseVerifierKey, type VerifierKey } from '../../src/shared/proofs.ts'
import {
  checkPair,
  checkSignature,
  type GivenProof,
  type KnownCheckpoint,
  type Trust,
} from '../../src/shared/verify-checkpoints.ts'
import { coversBoth } from '../../src/shared/verify-coverage.ts'
import { verifyExport } from '../../src/shared/verify-export.ts'
import type { KeptMessages } from '../../src/shared/verify-messages.ts'
import { verifyReceipt } from '../../src/shared/verify-receipt.ts'
import { type Given, parseJson, readGiven, readOrNull, readText, Unreadable } from './read-files.ts'

export interface VerifyCall {
  /** Folders and files. */
  names: readonly string[]
  /** Verifier keys, or files that hold them. */
  keys: readonly string[]
  /** Checkpoints that the caller has held since before. */
  known: readonly string[]
  /** Files of consistency proofs, as the hub answers them. */
  proofs: readonly string[]
  /** What was kept of the call that a receipt is of. */
  kept?: KeptMessages | undefined
  tell: (done: number, total: number) => void
}

export interface Verdict extends Report {
  name: string
}

/** Signatures beside Ed25519's that may stand under a checkpoint: SM2 (国密), and witnesses'. */
const noteChecks = { ...sm2Checks, ...cosignatureChecks }

/**
 * Verifies everything that was named, each by itself and all with each other. Reads files and nothing else.
 * Throws `Unreadable`.
 */
export async function verifyAll(call: VerifyCall): Promise<Verdict[]> {
  const given = call.names.map(readGiven)
  const [other] = call.kept === undefined ? [] : given.filter(({ kind }) => kind !== 'receipt')
  if (other)
    throw new Unreadable(
      `${other.name} 不是回执 / ${other.name} is no receipt: --salt is for receipts`,
    )
  const proofs = call.proofs.map(readProof)
  const own = call.keys.flatMap(readKeys)
  // Whoever trusts a key follows it to its successors, which every export names.
  const keys = followKeys(own, given.flatMap(handoversOf))
  const held = openFindings()
  const known = call.known.flatMap((name) => {
    const trust = { keys: keys.length > 0 ? keys : keysNamedBy(given), checks: noteChecks }
    return checkSignature(held, { name, note: readText(name) }, trust) ?? []
  })
  const verdicts: Verdict[] = []
  const checkpoints: KnownCheckpoint[] = []
  for (const one of given) {
    const { report, checkpoint } = await verifyOne(one, { ...call, keys, known, proofs })
    verdicts.push({ name: one.name, ...report })
    if (checkpoint !== null) checkpoints.push({ ...checkpoint, name: one.name })
  }
  const together = await compare({ given, checkpoints, known, proofs, held })
  return together.checks.length > 0 ? [...verdicts, together] : verdicts
}

interface Holdings {
  keys: readonly VerifierKey[]
  known: readonly KnownCheckpoint[]
  proofs: readonly GivenProof[]
  kept?: VerifyCall['kept']
  tell: VerifyCall['tell']
}

interface Verified {
  report: Report
  checkpoint: KnownCheckpoint | null
}

async function verifyOne(given: Given, holdings: Holdings): Promise<Verified> {
  if (given.kind === 'export') {
    const { checkpoint, checks, notices } = await verifyExport(given.files, {
      ...holdings,
      checks: noteChecks,
    })
    return { report: { checks, notices }, checkpoint }
  }
  const findings = openFindings()
  const trust = trustFor(given, holdings.keys)
  if (holdings.keys.length === 0) {
    const named = namedKeys(given)
    const [zh, en] =
      named.length > 0
        ? [
            `未给出 --key:按其自带的公钥核对 ${named.join('、')};是否可信须另行确认`,
            `no --key: checked with the key that it names itself (${named.join(', ')}); whether to trust it must come from elsewhere`,
          ]
        : [
            '请用 --key 给出公钥,检查点自身不含公钥',
            'give the key with --key: a checkpoint holds none',
          ]
    findings.notice(zh, en)
  }
  const { name } = given
  const checkpoint =
    given.kind === 'receipt'
      ? verifyReceipt(findings, { name, value: given.value, kept: holdings.kept }, trust)
      : checkSignature(findings, { name, note: given.note }, trust)
  return { report: findings.report(), checkpoint }
}

const trustFor = (given: Given, keys: readonly VerifierKey[]): Trust => ({
  keys: keys.length > 0 ? keys : keysNamedBy([given]),
  checks: noteChecks,
})

const keysNamedBy = (given: readonly Given[]): VerifierKey[] =>
  given
    .flatMap(namedKeys)
    .map(parseVerifierKey)
    .filter((key) => key !== null)

/** Keys that a receipt or an export names itself. */
function namedKeys(given: Given): string[] {
  if (given.kind === 'export') return handoversOf(given).map(({ verifierKey }) => verifierKey)
  return given.kind === 'receipt' && Check(Receipt, given.value) ? [given.value.verifierKey] : []
}

function handoversOf(given: Given): KnownKeys {
  if (given.kind !== 'export') return []
  const bytes = readOrNull(join(given.name, keysName))
  return parseKeys(bytes?.toString('utf8') ?? '') ?? []
}

interface Comparison {
  given: readonly Given[]
  checkpoints: readonly KnownCheckpoint[]
  known: readonly KnownCheckpoint[]
  proofs: readonly GivenProof[]
  held: ReturnType<typeof openFindings>
}

/**
 * What is left to compare: checkpoints with their neighbours in size. Two that one of the exports covers
 * have been shown to be of one log by its tiles; an export compares with `known` itself.
 */
async function compare(comparison: Comparison): Promise<Verdict> {
  const { given, checkpoints, known, proofs, held } = comparison
  const alone = checkpoints.filter((one) => !isExport(given, one.name))
  const sorted = [...checkpoints, ...(alone.length > 0 ? known : [])].toSorted(
    (one, other) => one.size - other.size,
  )
  for (const [index, newer] of sorted.entries()) {
    const older = sorted[index - 1]
    if (older === undefined) continue
    if (await isCovered(given, [older, newer])) continue
    checkPair(held, [older, newer], proofs)
  }
  return { name: '相互核对 / with each other', ...held.report() }
}

const isExport = (given: readonly Given[], name: string): boolean =>
  given.some((one) => one.kind === 'export' && one.name === name)

/** Whether an export's tiles give the roots of both. */
async function isCovered(
  given: readonly Given[],
  pair: readonly [KnownCheckpoint, KnownCheckpoint],
): Promise<boolean> {
  for (const one of given) {
    if (one.kind !== 'export') continue
    if (await coversBoth(one.files.read, pair)) return true
  }
  return false
}

/** A verifier key, or a file with one a line, or the JSON that the hub or an export has them in. */
function readKeys(text: string): VerifierKey[] {
  const own = parseVerifierKey(text)
  if (own !== null) return [own]
  const found = readText(text).match(/[^\s",]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+/g) ?? []
  const keys = found.map(parseVerifierKey).filter((key) => key !== null)
  if (keys.length === 0) throw new Unreadable(`${text} 不是公钥 / ${text} is no verifier key`)
  return keys
}

function readProof(name: string): GivenProof {
  const value = parseJson(name, readText(name))
  if (!Check(ConsistencyProof, value)) {
    throw new Unreadable(`${name} 不是一致性证明 / ${name} is no consistency proof`)
  }
  const { from, to, hashes } = value
  return { from, to, hashes: hashes.map((hash) => Buffer.from(hash, 'base64')) }
}
