import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { adapters } from '../../adapters/index.ts'
import type { RowCode } from '../../schemas/api/row-codes.ts'
import { hardCases, registryLacks, sampleText, type HardCase } from '../../scripts/make-samples.ts'
import type { Judged } from '../../src/exchange/checks/index.ts'
import { rejectingFaults, type Strictness } from '../../src/exchange/checks/judge.ts'
import { totals } from './totals.ts'
import { judgeRow, pipelineOf, readSample, said, sourceNamed } from './judging.ts'

const names = [...adapters].flatMap(([id, { sources }]) =>
  Object.keys(sources).map((source) => `${id}/${source}`),
)

/** What is said of a row that is not hard: nothing, but for files that lack expected columns. */
const alwaysSaid: Readonly<Record<string, HardCase['says']>> = {
  'market-regulation/registry-csv': registryLacks,
}

test('every source has a sample with hard cases', () => {
  expect(Object.keys(hardCases).sort()).toEqual(names.sort())
})

describe.each(names)('the sample of %s', (name) => {
  test('is what the generator writes, byte for byte', () => {
    const source = sourceNamed(name)
    expect(readFileSync(source.sample, 'utf8')).toBe(sampleText(name, source))
  })

  test('has 200 rows, and hard cases among them', async () => {
    const lines = (await readSample(name)).map(({ line }) => line)
    expect(lines).toHaveLength(200)
    expect(lines).toEqual(expect.arrayContaining((hardCases[name] ?? []).map(({ line }) => line)))
  })

  test.each(['strict', 'lenient'] as const)(
    'says of each line what is foretold of it, when %s',
    async (strictness) => {
      const pipeline = pipelineOf(name, strictness)
      const ordinary: Foretold = { says: alwaysSaid[name] ?? [], refused: 'never' }
      for (const row of await readSample(name)) {
        const hard = hardCases[name]?.find(({ line }) => line === row.line)
        const judged = judgeRow(pipeline, row)
        const heard = { says: said(judged), verdict: judged.verdict }
        expect(heard, `line ${row.line}: ${hard?.about ?? 'an ordinary row'}`).toEqual(
          foretold(hard ?? ordinary, strictness),
        )
      }
    },
  )

  test.each(['strict', 'lenient'] as const)('adds up to the known totals, when %s', async (how) => {
    const pipeline = pipelineOf(name, how)
    const judged = (await readSample(name)).map((row) => judgeRow(pipeline, row))
    expect(totalsOf(judged)).toEqual(totals[name]?.[how])
  })
})

type Foretold = Pick<HardCase, 'says' | 'refused'>

/** The code of `code field`. */
const codeIn = (words: HardCase['says'][number]): RowCode => words.split(' ')[0] as RowCode

/** A refusal names its reasons only; what lands names every flag. */
function foretold({ says, refused }: Foretold, strictness: Strictness) {
  const isRefused = refused === 'always' || (refused === 'strict' && strictness === 'strict')
  const faults = says.map((words) => ({ field: null, code: codeIn(words), words }))
  const reasons = new Set<object>(rejectingFaults(faults, strictness))
  const heard = isRefused ? faults.filter((fault) => reasons.has(fault)) : faults
  return { says: heard.map(({ words }) => words), verdict: isRefused ? 'reject' : 'land' }
}

/** How many rows are refused and flagged, and how often each code is said about rows that land. */
function totalsOf(judged: readonly Judged[]) {
  const landed = judged.filter(({ verdict }) => verdict === 'land')
  const codes = landed.flatMap(said).map((words) => words.split(' ')[0] ?? '')
  const counts = Object.entries(Object.groupBy(codes, (code) => code))
  return {
    rejected: judged.length - landed.length,
    flagged: landed.filter((row) => said(row).length > 0).length,
    flags: Object.fromEntries(counts.map(([code, all]) => [code, all?.length])),
  }
}
