import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { judgeRow, pipelineOf, readRows, said, type Line } from './judging.ts'

/** Published registrations are not ours to ship: they are looked for beside the checkout. */
const folder = resolve(
  process.env['SHUQIAO_REAL_DATA'] ?? join(import.meta.dirname, '../../../shared/data'),
)
const files = existsSync(folder)
  ? readdirSync(folder).filter((name) => /^legal-persons-.*\.csv$/.test(name))
  : []

if (files.length === 0) {
  console.info(
    `没有 legal-persons-*.csv,跳过真实数据测试 / No real registrations in ${folder}; set SHUQIAO_REAL_DATA to try them`,
  )
}

const name = 'market-regulation/registry-csv'

async function readAll(): Promise<Line[]> {
  const read = files.map((file) => readRows(join(folder, file), 'text/csv'))
  return (await Promise.all(read)).flatMap(({ lines }) => lines)
}

/** The forms in which capital is found there, and the factor to 万 that each one implies. */
const moneyForm = /^([\d.,]+)\(?万元?(人民币|美元|港币)?\)?$/
const currencies = { 人民币: '156', 美元: '840', 港币: '344' } as const

const isCurrency = (word: string | undefined): word is keyof typeof currencies =>
  word !== undefined && word in currencies

/** Capital and currency as a reader of the text would say them, by other means than the mapping’s. */
function expectedMoney(text: string): { capital?: string; currency?: string } {
  const found = moneyForm.exec(text)
  if (!found) return {}
  const [, amount = '', word] = found
  const [whole = '', fraction = ''] = amount.replaceAll(',', '').split('.')
  const rest = fraction.replace(/0+$/, '')
  return {
    capital: rest === '' ? whole : `${whole}.${rest}`,
    currency: isCurrency(word) ? currencies[word] : '156',
  }
}

describe.runIf(files.length > 0)('real registrations', () => {
  test('land in at least 995 of 1,000 cases under all checks of a strict resource', async () => {
    const pipeline = pipelineOf(name)
    const lines = await readAll()
    const refused = lines
      .map((line) => judgeRow(pipeline, line))
      .filter(({ verdict }) => verdict === 'reject')
    expect(lines.length).toBeGreaterThan(1000)
    expect(refused.length / lines.length).toBeLessThanOrEqual(0.005)
  })

  test('are never flagged for their division: abolished codes are codes', async () => {
    const pipeline = pipelineOf(name, 'lenient')
    const judged = (await readAll()).map((line) => judgeRow(pipeline, line))
    expect(judged.flatMap(said).filter((words) => words.startsWith('division-unknown'))).toEqual([])
  })

  test('have the capital and currency that their texts say, in every form found', async () => {
    const pipeline = pipelineOf(name)
    for (const line of await readAll()) {
      const text = String(line.row['注册资金'])
      const { capital, currency } = pipeline.map(line)?.values ?? {}
      const expected = expectedMoney(text)
      expect(text === 'N/A' || expected.capital !== undefined).toBe(true)
      expect({ capital, currency }).toEqual({
        capital: undefined,
        currency: undefined,
        ...expected,
      })
    }
  })
})
