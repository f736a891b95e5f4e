import { describe, expect, test } from 'vitest'
import { readArguments } from '../../scripts/bench/arguments.ts'
import { measurementNames } from '../../scripts/bench/measurements.ts'
import { atLeast, atMost, percentile, tableOf, within } from '../../scripts/bench/results.ts'

describe('what is asked for', () => {
  test('no name means everything, several run each in its place', () => {
    expect(readArguments([], measurementNames).names).toEqual(measurementNames)
    const { names, options } = readArguments(['read', 'ingest', '--rows', '2000'], measurementNames)
    expect(names).toEqual(['ingest', 'read'])
    expect(options).toMatchObject({ rowCount: 2000, recordCount: 100_000, roundSeconds: 5 })
  })

  test('a name that does not exist or a size that is none is refused in words', () => {
    expect(() => readArguments(['ingset'], measurementNames)).toThrow(/ingset/)
    expect(() => readArguments(['--rows', '0'], measurementNames)).toThrow(/--rows/)
    expect(() => readArguments(['--seconds', 'five'], measurementNames)).toThrow(/--seconds/)
  })

  test('every measurement of the design can be asked for, and searching the log', () => {
    const ingest = 'ingest ingest-csv ingest-unchanged ingest-changed ingest-memory ingest-scale'
    const sharing = 'read verify query-500 changes'
    const audit =
      'audit-append audit-seal audit-return audit-verify audit-search audit-search-worst audit-looks'
    const all = [ingest, sharing, audit, 'pull queue catalog'].flatMap((names) => names.split(' '))
    expect(measurementNames.toSorted()).toEqual(all.toSorted())
  })
})

describe('how it is judged', () => {
  const measured = { value: 50, unit: 'rows/s', baseline: 100 }

  test('a ratio at the target is good, one below it is not', () => {
    expect(atLeast(0.5, measured)).toMatchObject({ ratio: 0.5, ok: true, target: 'ratio ≥ 0.5' })
    expect(atLeast(0.51, measured).ok).toBe(false)
    expect(atMost(0.5, measured).ok).toBe(true)
    expect(atMost(0.49, measured).ok).toBe(false)
    expect(within(49, measured)).toMatchObject({ ok: false, baseline: null, ratio: null })
  })

  test('a baseline of nothing is never reached', () => {
    expect(atLeast(0.5, { ...measured, baseline: 0 }).ok).toBe(false)
    expect(atMost(2, { ...measured, baseline: 0 }).ok).toBe(false)
  })

  test('the percentile is a sample that was seen', () => {
    const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(percentile(samples, 0.95)).toBe(95)
    expect(percentile([7], 0.95)).toBe(7)
  })

  test('the table is Chinese and English, one line a measurement', () => {
    const lines = tableOf({ ingest: atLeast(0.5, measured) }).split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^项目 name .*目标 target/)
    expect(lines[1]).toMatch(/^ingest +50 +rows\/s +100 +0\.50 +ratio ≥ 0\.5 +是 yes$/)
  })
})
