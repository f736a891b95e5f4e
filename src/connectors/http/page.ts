import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { isDeeperThan, parseExactly } from '../../exchange/decode/exact-json.ts'
import { decodeLimits, rawBytesMax } from '../../exchange/decode/limits.ts'
import type { DecodedRow, SourceRow } from '../../exchange/types.ts'
import type { RowCode } from '../../../schemas/api/row-codes.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { HttpAnswer } from './exchange.ts'

/** What one answer holds. Rows are numbered from 1 within it. */
export interface Page {
  body: unknown
  rows: DecodedRow[]
  byteCount: number
  total: number | null
}

/**
 * The rows of an answer. Numbers that a double would round are kept as text, as everywhere. An answer that
 * tells of a fault is `source-unreachable` where it may pass (5xx, 429, no JSON: a gateway's page), else
 * `request-invalid`; one that has no rows where they ought to be is `state-conflict`, never an empty page.
 */
export function readPage(answer: HttpAnswer, settings: HttpSettings): Page {
  refuseStatus(answer.status)
  const { text } = answer
  const body = parse(text)
  const items = atPointer(body, settings.items ?? '')
  if (!Array.isArray(items)) throw noItems(settings.items ?? '')
  const depth = (settings.items ?? '').split('/').length
  const isSuspect =
    text.length > decodeLimits.rowBytesMax || isDeeperThan(text, decodeLimits.depthMax + depth)
  const rows = items.map((item: unknown, at) => readItem(item, at + 1, isSuspect))
  return { body, rows, byteCount: Buffer.byteLength(text), total: readTotal(body, settings.total) }
}

export function refuseStatus(status: number): void {
  if (status >= 200 && status < 300) return
  if (status >= 500 || status === 429 || status === 408) {
    throw new Refusal(
      'source-unreachable',
      `接口暂不可用(${status}) / The interface is not available (${status})`,
    )
  }
  throw new Refusal(
    'request-invalid',
    `接口拒绝了请求(${status}),请核对地址、参数与凭据 / The interface refused the request (${status}); check address, parameters and credentials`,
  )
}

function parse(text: string): unknown {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text
  try {
    return /[\d.]{16}/.test(json) ? parseExactly(json) : JSON.parse(json)
  } catch (error) {
    throw new Refusal(
      'source-unreachable',
      '接口应答不是 JSON,可能是登录页或网关提示 / The answer is no JSON; it may be a sign-in page or a gateway’s notice',
      { cause: error },
    )
  }
}

/** RFC 6901; undefined where nothing is there. */
export function atPointer(value: unknown, pointer: string): unknown {
  let found = value
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = Reflect.get(found, name)
  }
  return found
}

function readTotal(body: unknown, pointer: string | undefined): number | null {
  if (pointer === undefined) return null
  const total = Number(atPointer(body, pointer) ?? Number.NaN)
  if (Number.isSafeInteger(total) && total >= 0) return total
  throw new Refusal(
    'state-conflict',
    `接口应答在“${pointer}”处没有总数 / The answer has no total at “${pointer}”`,
  )
}

function readItem(item: unknown, line: number, isSuspect: boolean): DecodedRow {
  if (!isRow(item)) return faulty('not-json', item, line)
  if (!isSuspect) return { line, row: item }
  const text = JSON.stringify(item)
  if (Buffer.byteLength(text) > decodeLimits.rowBytesMax) return faulty('row-too-large', item, line)
  if (isDeeperThan(text, decodeLimits.depthMax)) return faulty('row-too-deep', item, line)
  return { line, row: item }
}

const isRow = (item: unknown): item is SourceRow =>
  typeof item === 'object' && item !== null && !Array.isArray(item)

const faulty = (fault: RowCode, item: unknown, line: number): DecodedRow => ({
  line,
  fault,
  raw: (JSON.stringify(item) ?? '').slice(0, rawBytesMax / 4),
})

const noItems = (pointer: string): Refusal =>
  new Refusal(
    'state-conflict',
    `接口应答在“${pointer}”处没有数组 / The answer has no array at “${pointer}”`,
  )
