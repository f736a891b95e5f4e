import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { verifyFacts } from './proofs/disclosed-facts.ts'
import { readEntry } from './proofs/entries.ts'
import { type ExportManifest, factsName } from './proofs/export-manifest.ts'
import type { Fault, Findings } from './proofs/findings.ts'
import { positionsIn } from './proofs/tile-paths.ts'

/**
 * One line of `facts.jsonl`; `digests` are of what was redacted. Salts are empty, and nothing else is there,
 * where all that the entry says has left the database.
 */
const FactsLine = Type.Object({
  position: Type.Integer(),
  id: Type.String(),
  facts: Type.Record(Type.String(), Type.Unknown()),
  salts: Type.Record(Type.String(), Type.String()),
  digests: Type.Optional(Type.Record(Type.String(), Type.String())),
})

export interface FactsCheck {
  /** Whether the position is the month's; asked in order. */
  wants(position: number): boolean
  /** Compares the next line with the entry at this position. */
  check(position: number, entry: Uint8Array): Promise<void>
  close(): Promise<void>
}

interface FactsCall {
  findings: Findings
  files: { lines(path: string): AsyncIterable<string> }
  manifest: ExportManifest
}

/** Reads the facts beside the entries, line by line; null where the export has none. */
export function openFactsCheck({ findings, files, manifest }: FactsCall): FactsCheck | null {
  if (!manifest.hasFacts) return null
  const fail = findings.check('明细', 'facts')
  const lines = files.lines(factsName)[Symbol.asyncIterator]()
  const isOfMonth = positionsIn(manifest.ranges)
  let erasedCount = 0
  let redactedCount = 0
  return {
    wants: isOfMonth,
    check: async (position, entry) => {
      const line = await lines.next()
      const verdict = judge(line.done ? '' : line.value, position, entry)
      if (verdict === 'erased') erasedCount += 1
      else if (verdict === 'redacted') redactedCount += 1
      else if (verdict !== 'good') fail({ ...verdict, position, path: factsName })
    },
    close: async () => {
      const line = await lines.next()
      if (!line.done) fail({ ...tooMany, path: factsName })
      await lines.return?.()
      tellCounts(findings, { erasedCount, redactedCount })
    },
  }
}

function tellCounts(
  findings: Findings,
  { erasedCount, redactedCount }: { erasedCount: number; redactedCount: number },
): void {
  if (redactedCount > 0) {
    const zh = `${redactedCount} 条有已消除的项,各以其摘要核对`
    const en = `of ${redactedCount} entries some facts were redacted: checked by their digests`
    findings.notice(zh, en)
  }
  if (erasedCount === 0) return
  const zh = `${erasedCount} 条的明细已销毁,只能核对其承诺`
  const en = `the facts of ${erasedCount} entries were erased: only their commitments stand`
  findings.notice(zh, en)
}

type Verdict = 'good' | 'redacted' | 'erased' | Fault

function judge(text: string, position: number, bytes: Uint8Array): Verdict {
  const line = parseLine(text)
  const entry = readEntry(bytes)
  if (line === null || entry === null)
    return { zh: '明细缺失或有误', en: 'facts are missing or wrong' }
  if (line.position !== position || line.id !== entry.id) {
    return {
      zh: `明细是另一条目的:位置 ${line.position},${line.id}`,
      en: `the facts are those of another entry: position ${line.position}, ${line.id}`,
    }
  }
  const erased = Object.keys(line.digests ?? {})
  const shown = Object.keys({ ...line.facts, ...line.salts })
  if (shown.length + erased.length === 0) return 'erased'
  // What is shown has no digest beside it: its own would be computed, and the given one never looked at.
  const isSaidOnce = erased.every((name) => !shown.includes(name))
  if (isSaidOnce && verifyFacts(entry, line)) return erased.length === 0 ? 'good' : 'redacted'
  return {
    zh: '明细与条目承诺的摘要不符',
    en: 'the facts are not those that the entry commits to',
    entryId: entry.id,
  }
}

function parseLine(text: string) {
  try {
    const value: unknown = JSON.parse(text)
    return Check(FactsLine, value) ? value : null
  } catch {
    return null
  }
}

const tooMany = { zh: '明细多于条目', en: 'there are more facts than entries' }
