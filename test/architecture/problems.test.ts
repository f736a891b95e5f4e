import { expect, test } from 'vitest'
import { problems } from '../../schemas/api/problems.ts'
import { isFile, readText } from './source-tree.ts'

interface Row {
  code: string
  status: number
  title: string
  actor: string
}

/** Rows of the README's table `| code | status | 含义 / meaning | … who must act |`. */
function documentedProblems(readme: string): Row[] {
  const lines = readme.split('\n')
  const head = lines.findIndex((line) =>
    /^\|\s*code\s*\|\s*status\s*\|\s*含义 \/ meaning\s*\|.*who must act\s*\|$/.test(line),
  )
  if (head < 0) return []
  const end = lines.findIndex((line, index) => index > head && !line.startsWith('|'))
  return lines.slice(head + 2, end < 0 ? undefined : end).map((line) => {
    const [, code = '', status = '', title = '', actor = ''] = line
      .split('|')
      .map((cell) => cell.trim())
    return { code: code.replaceAll('`', ''), status: Number(status), title, actor }
  })
}

const stated: Row[] = Object.entries(problems).map(([code, { status, title, actor }]) => ({
  code,
  status,
  title,
  actor,
}))

test('the README tells every refusal there is, with its status, and no other', () => {
  expect(isFile('README.md'), 'README.md is there').toBe(true)
  const byCode = (a: Row, b: Row): number => (a.code < b.code ? -1 : 1)
  expect(documentedProblems(readText('README.md')).toSorted(byCode)).toEqual(
    stated.toSorted(byCode),
  )
})

test('a row that is missing, wrong or too many would be seen', () => {
  const table = [
    '| code | status | 含义 / meaning | 谁来处理 / who must act |',
    '|---|---|---|---|',
    '| `not-found` | 404 | 未找到 / Not found | caller |',
    '',
    '| another | 1 | table | here |',
  ]
  expect(documentedProblems(table.join('\n'))).toEqual([
    { code: 'not-found', status: 404, title: '未找到 / Not found', actor: 'caller' },
  ])
  expect(documentedProblems('no table')).toEqual([])
})
