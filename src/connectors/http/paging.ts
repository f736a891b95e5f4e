import type { HttpSettings, Paging } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ClientRequest } from './client.ts'
import type { HttpAnswer } from './exchange.ts'
import { atPointer, type Page } from './page.ts'

/**
 * Where a read stands. `token` is what the server gave to go on from: a cursor, or the next page's address;
 * null on the first page, and always where pages are counted.
 */
export interface PageState {
  token: string | null
  /** Of counted pages: the page's number, or how many rows lie before it. */
  at: number
}

export function firstState(paging: Paging, token: string | null): PageState {
  if (paging.kind === 'page') return { token: null, at: paging.first ?? 1 }
  return { token, at: 0 }
}

/** Whether the server's own mark says where a page begins, so that it means the same later on. */
export const hasToken = ({ kind }: Paging): boolean => kind === 'cursor' || kind === 'link'

/** The request for a page; parameters of a POST go into its body. */
export function pageRequest(
  settings: HttpSettings,
  { token, at }: PageState,
  since: string | null,
): ClientRequest {
  const paging = settings.paging ?? { kind: 'none' }
  const parameters: Record<string, string | number> = {}
  if (since !== null && settings.since !== undefined) parameters[settings.since] = since
  if (paging.kind === 'page') {
    parameters[paging.parameter] = at
    if (paging.sizeParameter !== undefined) parameters[paging.sizeParameter] = paging.size
  }
  if (paging.kind === 'offset') {
    parameters[paging.parameter] = at
    if (paging.limitParameter !== undefined) parameters[paging.limitParameter] = paging.limit
  }
  if (paging.kind === 'cursor' && token !== null) parameters[paging.parameter] = token
  if (paging.kind === 'link' && token !== null) return written(settings, token, {})
  return written(settings, settings.url, parameters)
}

function written(
  settings: HttpSettings,
  url: string,
  parameters: Record<string, string | number>,
): ClientRequest {
  const method = settings.method ?? (settings.body === undefined ? 'GET' : 'POST')
  if (method === 'POST') {
    const body = JSON.stringify({ ...settings.body, ...parameters })
    return { url, method, headers: { 'content-type': 'application/json' }, body }
  }
  if (settings.body !== undefined) {
    throw new Refusal('request-invalid', 'GET 不带 body,请用 POST / A GET has no body; use POST')
  }
  const address = new URL(url)
  for (const [name, value] of Object.entries(parameters)) {
    address.searchParams.set(name, String(value))
  }
  return { url: address.href, method }
}

export interface Arrived {
  page: Page
  answer: HttpAnswer
  /** The address that was asked. */
  url: string
  /** Rows of this page and all before it. */
  rowCount: number
}

/** The next page, or null at the end. Counted pages end with an empty one, or when the total is reached. */
export function nextState(paging: Paging, state: PageState, arrived: Arrived): PageState | null {
  const { page, rowCount } = arrived
  const isCounted = paging.kind === 'page' || paging.kind === 'offset'
  if (isCounted) {
    if (page.rows.length === 0 || (page.total !== null && rowCount >= page.total)) return null
    return { token: null, at: state.at + (paging.kind === 'page' ? 1 : page.rows.length) }
  }
  const token = nextToken(paging, arrived)
  return token === null ? null : { token, at: 0 }
}

function nextToken(paging: Paging, { page, answer, url }: Arrived): string | null {
  if (paging.kind === 'cursor') return textOf(atPointer(page.body, paging.next))
  if (paging.kind !== 'link') return null
  const { next } = paging
  const link =
    next === undefined ? linkOf(answer.headers['link'] ?? '') : textOf(atPointer(page.body, next))
  if (link === null) return null
  if (!URL.canParse(link, url) || !/^https?:/.test(new URL(link, url).protocol)) throw badNext()
  return new URL(link, url).href
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined || value === '' || value === false) return null
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw badNext()
}

/** The target of `rel="next"` (RFC 8288 §3). */
function linkOf(header: string): string | null {
  for (const [, target = '', parameters = ''] of header.matchAll(
    /<([^>]*)>((?:[^,"]|"[^"]*")*)/g,
  )) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(parameters)
    const relations = (rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/)
    if (relations.includes('next')) return target
  }
  return null
}

const badNext = (): Refusal =>
  new Refusal(
    'state-conflict',
    '接口给出的下一页标记无法使用,请核对 paging.next / The mark of the next page cannot be used; check paging.next',
  )
