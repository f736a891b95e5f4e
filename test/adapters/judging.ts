import { createReadStream } from 'node:fs'
import { sourceOf, type AdapterSource } from '../../adapters/index.ts'
import { codeTables } from '../../schemas/library.ts'
import { madeOn } from '../../scripts/make-samples.ts'
import type { Judged, LandedRow } from '../../src/exchange/checks/index.ts'
import type { Strictness } from '../../src/exchange/checks/judge.ts'
import { decodeRows } from '../../src/exchange/decode/decode-rows.ts'
import { compilePipeline, type Pipeline } from '../../src/exchange/pipeline.ts'
import type { SourceRow } from '../../src/exchange/types.ts'
import { standards } from '../../src/shared/standards.ts'

/** A source by `adapter/source`. */
export function sourceNamed(name: string): AdapterSource {
  const [adapter = '', source = ''] = name.split('/')
  const found = sourceOf(adapter, source)
  if (!found) throw new Error(`no source ${name}`)
  return found
}

export function pipelineOf(name: string, strictness: Strictness = 'strict'): Pipeline {
  const { standard: id, mapping } = sourceNamed(name)
  const standard = standards().get(id)
  if (!standard) throw new Error(`no standard ${id}`)
  const { fields, keys } = standard
  return compilePipeline({
    fields,
    keys,
    standard,
    strictness,
    codeTables: codeTables(),
    mapping,
    cells: 'text',
  })
}

export interface Line {
  line: number
  row: SourceRow
}

/** The rows of a file as the hub decodes them, and the columns of a CSV. */
export async function readRows(file: URL | string, mediaType: AdapterSource['mediaType']) {
  const decoded = decodeRows(createReadStream(file), { mediaType })
  const lines: Line[] = []
  for await (const block of decoded) {
    for (const { line, row } of block.rows) if (row !== undefined) lines.push({ line, row })
  }
  return { lines, columns: decoded.columns }
}

export const readSample = async (name: string): Promise<Line[]> => {
  const { sample, mediaType } = sourceNamed(name)
  return (await readRows(sample, mediaType)).lines
}

/** Maps and checks one row, on the day for which the samples are made. */
export function judgeRow(pipeline: Pipeline, { line, row }: Line): Judged {
  const mapped = pipeline.map({ line, row })
  if (mapped === null) throw new Error(`line ${line} was not mapped`)
  return pipeline.judge(mapped, madeOn)
}

/** One row of a source's own columns with some cells changed, judged. */
export async function judgeChanged(name: string, cells: SourceRow): Promise<LandedRow> {
  const [first] = await readSample(name)
  if (!first) throw new Error(`${name} has no rows`)
  const judged = judgeRow(pipelineOf(name), { line: 1, row: { ...first.row, ...cells } })
  if (judged.verdict === 'reject') throw new Error(`refused: ${JSON.stringify(judged.reasons)}`)
  return judged
}

/** `code field` of everything said about a row, whether it landed or not. */
export const said = (judged: Judged): string[] =>
  (judged.verdict === 'land' ? judged.quality : judged.reasons).map(({ code, field }) =>
    field === null ? code : `${code} ${field}`,
  )
