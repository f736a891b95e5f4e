import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { verifyFacts } from './proofs/disclosed-facts.ts'
import { readEntry } from './proofs/entries.ts'
import { type ExportManifest, factsName } from './proofs/export-manifest.ts'
import type { Fault, Findings } from './proofs/findings.ts'
import { positionsIn } from './proofs/tile-paths.ts'

/** One line of `facts.jsonl`; salts are empty where the entry was erased. */
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
  return {
    wants: isOfMonth,
    check: async (position, entry) => {
      const line = await lines.next()
      const verdict = judge(line.done ? '' : line.value, position, entry)
      if (verdict === 'erased') erasedCount += 1
      else if (verdict !== 'good') fail({ ...verdict, position, path: factsName })
    },
    close: async () => {
      const line = await lines.next()
      if (!line.done) fail({ ...tooMany, path: factsName })
      await lines.return?.()
      if (erasedCount === 0) return
      const zh = `${erasedCount} 条的明细已销毁,只能核对其承诺`
      findings.notice(
        zh,
        `the facts of ${erasedCount} entries were erased: only their commitments stand`,
      )
    },
  }
}

function judge(text: string, position: number, bytes: Uint8Array): 'good' | 'erased' | Fault {
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
  if (Object.keys(line.salts).length === 0) return 'erased'
  if (verifyFacts(entry, line)) return 'good'
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
