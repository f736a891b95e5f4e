import { Check } from 'typebox/value'
import { Receipt } from '../../schemas/api/audit.ts'
import { verifyFacts } from './proofs/disclosed-facts.ts'
import { openInstants, readEntry } from './proofs/entries.ts'
import type { Findings } from './proofs/findings.ts'
import { leafHash, verifyInclusion } from './proofs.ts'
import { type KeptMessages, verifyMessages } from './verify-messages.ts'
import { checkSignature, type KnownCheckpoint, type Trust } from './verify-checkpoints.ts'

const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64')

/** Digests of facts that the holder does not show stand beside the salts of those that are shown. */
const digestsOf = (receipt: Receipt): Record<string, string> | undefined => {
  const given: unknown = 'digests' in receipt ? receipt.digests : undefined
  if (typeof given !== 'object' || given === null) return undefined
  return Object.fromEntries(
    Object.entries(given).filter(([, digest]) => typeof digest === 'string'),
  )
}

interface GivenReceipt {
  name: string
  value: unknown
  /** What was asked and answered, where its holder has kept that too. */
  kept?: KeptMessages | undefined
}

/**
 * Checks a receipt ("shuqiao-receipt/1"): the entry has the hash that was given to the caller, stands in the
 * tree that a trusted key has signed, and says what the receipt shows. Answers the receipt's checkpoint.
 */
export function verifyReceipt(
  findings: Findings,
  { name, value, kept }: GivenReceipt,
  trust: Trust,
): KnownCheckpoint | null {
  const fail = findings.check('回执格式', 'form of the receipt')
  if (!Check(Receipt, value)) {
    fail({
      zh: '不是回执 (shuqiao-receipt/1)',
      en: 'it is no receipt (shuqiao-receipt/1)',
      path: name,
    })
    return null
  }
  checkEntry(findings, value)
  const checkpoint = checkSignature(findings, { name, note: value.checkpoint }, trust)
  if (checkpoint !== null) checkInclusion(findings, value, checkpoint)
  const areFactsProved = checkFacts(findings, value)
  const facts = areFactsProved ? (value.facts ?? {}) : {}
  if (kept !== undefined) verifyMessages(findings, { entryId: value.id, facts }, kept)
  return checkpoint
}

function checkEntry(findings: Findings, receipt: Receipt): void {
  const fail = findings.check('条目', 'entry')
  const at = { entryId: receipt.id, position: receipt.index }
  const bytes = bytesOf(receipt.leafBytes)
  if (leafHash(bytes).toString('hex') !== receipt.leaf) {
    fail({ ...at, zh: '条目内容的散列与 leaf 不符', en: 'leaf is not the hash of the entry' })
  }
  const entry = readEntry(bytes)
  if (entry === null) {
    fail({ ...at, zh: 'leafBytes 不是日志条目', en: 'leafBytes is no entry of the log' })
    return
  }
  if (entry.id !== receipt.id) {
    fail({ ...at, zh: `条目编号实为 ${entry.id}`, en: `the entry's id is ${entry.id}` })
  }
  if (!openInstants()(entry)) {
    fail({ ...at, zh: '编号中的时间与 readyAt 不符', en: "the id's time is not readyAt" })
  }
}

function checkInclusion(findings: Findings, receipt: Receipt, checkpoint: KnownCheckpoint): void {
  const { id: entryId, index, size, leafBytes, hashes } = receipt
  const fail = findings.check('条目在日志中', 'inclusion of the entry')
  if (size !== checkpoint.size) {
    const zh = `回执的大小 ${size} 与检查点的 ${checkpoint.size} 不符`
    fail({ zh, en: `the receipt says size ${size}, its checkpoint ${checkpoint.size}` })
    return
  }
  const leaf = leafHash(bytesOf(leafBytes))
  const proof = { index, size, leaf, hashes: hashes.map(bytesOf), root: checkpoint.root }
  if (verifyInclusion(proof)) return
  const zh = `包含证明不成立:位置 ${index} 上不是这个条目`
  fail({
    zh,
    en: `the proof fails: this entry is not at position ${index}`,
    position: index,
    entryId,
  })
}

/** Whether the entry commits to what the receipt shows; nothing else of it may be relied on. */
function checkFacts(findings: Findings, receipt: Receipt): boolean {
  const { id: entryId, facts = {}, salts = {} } = receipt
  const digests = digestsOf(receipt)
  if (Object.keys(salts).length === 0) {
    findings.notice('回执不含明细,未核对明细', 'the receipt shows no facts: none were checked')
    return false
  }
  const fail = findings.check('明细', 'facts')
  const entry = readEntry(bytesOf(receipt.leafBytes))
  if (entry !== null && verifyFacts(entry, { facts, salts, digests })) return true
  const zh = '明细与条目承诺的摘要不符'
  fail({ zh, en: 'the facts are not those that the entry commits to', entryId })
  return false
}
