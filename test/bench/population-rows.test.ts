import { expect, test } from 'vitest'
import publicSecurity from '../../adapters/public-security/mapping.json' with { type: 'json' }
import type { Mapping } from '../../schemas/api/mapping.ts'
import { codeTables } from '../../schemas/library.ts'
import { pieces } from '../../scripts/bench/feed.ts'
import {
  csvWriter,
  idNumberAt,
  ndjsonLine,
  peopleMax,
  personAt,
} from '../../scripts/bench/population-rows.ts'
import type { LandedRow } from '../../src/exchange/checks/index.ts'
import { decodeRows, type RowMediaType } from '../../src/exchange/decode/decode-rows.ts'
import { compilePipeline } from '../../src/exchange/pipeline.ts'
import { standards } from '../../src/shared/standards.ts'

const people = Array.from({ length: 3000 }, (_, index) => personAt(index))
const mapping = publicSecurity as Mapping

/** Rows as the hub would land them; one that it refuses fails the test with its reasons. */
async function land(mediaType: RowMediaType, lines: Iterable<string>): Promise<LandedRow[]> {
  const standard = standards().get('population')
  if (!standard) throw new Error('no such standard')
  const pipeline = compilePipeline({
    fields: standard.fields,
    keys: standard.keys,
    standard,
    strictness: 'strict',
    codeTables: codeTables(),
    mapping: mediaType === 'text/csv' ? mapping : null,
    cells: mediaType === 'text/csv' ? 'text' : 'json',
  })
  const landed: LandedRow[] = []
  for await (const { rows } of decodeRows(body(lines), { mediaType })) {
    for (const decoded of rows) {
      const row = pipeline.map(decoded)
      if (!row) throw new Error(`line ${decoded.line} cannot be read`)
      const judged = pipeline.judge(row, '2026-12-01')
      if (judged.verdict === 'reject') throw new Error(JSON.stringify(judged.reasons))
      landed.push(judged)
    }
  }
  return landed
}

async function* body(lines: Iterable<string>): AsyncGenerator<Uint8Array> {
  yield* pieces(lines)
}

test('invented people pass every check of their standard without a flag', async () => {
  const landed = await land('application/x-ndjson', people.map(ndjsonLine))
  expect(landed).toHaveLength(people.length)
  expect(landed.filter(({ quality }) => quality.length > 0)).toEqual([])
})

test('the source table of a department tells the same about the same people', async () => {
  const { header, line } = csvWriter(mapping)
  const landed = await land('text/csv', [header, ...people.map(line)])
  const direct = await land('application/x-ndjson', people.map(ndjsonLine))
  expect(landed).toEqual(direct)
})

test('no two people share a number or a key, from one end of the range to the other', () => {
  const step = 97
  const indexes = Array.from({ length: Math.trunc(peopleMax / step) }, (_, place) => place * step)
  expect(new Set(indexes.map(idNumberAt)).size).toBe(indexes.length)
  expect(new Set(people.map(({ sourcePersonId }) => sourcePersonId)).size).toBe(people.length)
})

test('somebody who has moved is the same person at another address, known later', () => {
  const [before, after] = [personAt(300), personAt(300, 1)]
  const changed = Object.keys(before).filter((field) => before[field] !== after[field])
  expect(changed).toEqual(['hukouAddress', 'sourceUpdatedAt'])
  expect(String(after['sourceUpdatedAt']) > String(before['sourceUpdatedAt'])).toBe(true)
})
