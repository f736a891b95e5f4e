import { createHash } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { HttpSettings, Paging } from '../../../schemas/api/connectors.ts'
import type { DecodedRow } from '../../exchange/types.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ConnectorContext, Position, ReadBounds, Source, SourceBlock } from '../contract.ts'
import { type HttpClient, openHttpClient } from './client.ts'
import { before, cursorText, isNewer } from './cursor-values.ts'
import { type Page, readPage } from './page.ts'
import {
  type Arrived,
  firstState,
  hasToken,
  nextState,
  pageRequest,
  type PageState,
} from './paging.ts'

const HttpPosition = Type.Object({
  /** What the read asks with. */
  since: Type.Union([Type.String(), Type.Null()]),
  /** The newest value of the cursor so far: what the next read asks with. */
  newest: Type.Union([Type.String(), Type.Null()]),
  token: Type.Union([Type.String(), Type.Null()]),
  /** Rows of the page that have been read. */
  index: Type.Integer(),
  isWithin: Type.Boolean(),
})
type HttpPosition = Static<typeof HttpPosition>

const blockRowsMax = 1000
const nothingYet: HttpPosition = {
  since: null,
  newest: null,
  token: null,
  index: 0,
  isWithin: false,
}

/**
 * An interface that lists rows page by page. Where the server gives marks to go on from (cursor, link), a
 * broken read goes on at its row; where pages are counted, rows move between pages when data changes, so
 * positions within the read are null and a broken read begins anew. The interface need not be sorted.
 */
export function openHttpSource(settings: HttpSettings, context: ConnectorContext): Source {
  const client = openHttpClient(settings, context)
  const firstPage = async (since: string | null): Promise<Page> => {
    const request = pageRequest(
      settings,
      firstState(settings.paging ?? { kind: 'none' }, null),
      since,
    )
    return readPage(await client.request(request), settings)
  }
  return {
    async describe() {
      const { total } = await firstPage(null)
      return { columns: null, keys: [], rowEstimate: total }
    },
    newest: async () => null,
    async count(bounds) {
      const { since, isWithin } = planOf(settings, bounds)
      if (settings.total === undefined || isWithin || bounds.range?.to !== undefined) return null
      return (await firstPage(since)).total
    },
    read: (bounds) => readPages(client, settings, bounds),
    inWords(position) {
      const { newest, since, index, isWithin } = positionOf(position)
      const value = newest ?? since ?? ''
      return isWithin ? `${value} 本页第 ${index} 行 / row ${index} of its page` : value
    },
    close: () => client.close(),
  }
}

function positionOf(position: Position): HttpPosition {
  if (Check(HttpPosition, position)) return position
  throw new Refusal(
    'state-conflict',
    '续传位置不属于接口来源,请从头重新运行 / The position is not one of an interface; run from the beginning',
  )
}

/** What to ask with, and where to go on within a read that was broken off. */
function planOf(
  settings: HttpSettings,
  { cursor, after, overlap, range }: ReadBounds,
): HttpPosition {
  const needsSince = cursor !== null || range !== null
  if (needsSince && (settings.since === undefined || cursor === null)) throw noSince()
  if (range !== null && after === null) return { ...nothingYet, since: range.from ?? null }
  const known = after === null ? nothingYet : positionOf(after)
  if (known.isWithin || cursor === null) return known
  const { newest } = known
  return { ...nothingYet, newest, since: newest === null ? null : before(newest, overlap) }
}

interface Reading {
  client: HttpClient
  settings: HttpSettings
  bounds: ReadBounds
  plan: HttpPosition
}

async function* readPages(
  client: HttpClient,
  settings: HttpSettings,
  bounds: ReadBounds,
): AsyncGenerator<SourceBlock> {
  const plan = planOf(settings, bounds)
  // A read of everything that has ended has nothing behind it.
  if (bounds.cursor === null && bounds.after !== null && !plan.isWithin) return
  let newest = plan.newest
  let held: SourceBlock | null = null
  for await (const { rows, byteCount, state, skipCount } of pagesOf({
    client,
    settings,
    bounds,
    plan,
  })) {
    for (let from = skipCount; from < rows.length; from += blockRowsMax) {
      const part = rows.slice(from, from + blockRowsMax)
      if (held) yield held
      const place: Place = { settings, bounds, plan, state, from, newest }
      held = blockOf(part, (byteCount * part.length) / rows.length, place)
      newest = newestOf(part, bounds, newest)
    }
  }
  const end: HttpPosition = { ...nothingYet, since: plan.since, newest }
  if (held) yield ended(held, end)
  else if (plan.isWithin) yield ended(emptyBlock, end)
}

interface ReadPage {
  rows: readonly DecodedRow[]
  byteCount: number
  state: PageState
  /** Rows in front that were read before. */
  skipCount: number
}

async function* pagesOf({ client, settings, bounds, plan }: Reading): AsyncGenerator<ReadPage> {
  const paging: Paging = settings.paging ?? { kind: 'none' }
  const watch = loopWatch()
  let state: PageState | null = firstState(paging, plan.token)
  let rowCount = 0
  let skipCount = plan.isWithin ? plan.index : 0
  while (state !== null) {
    const request = pageRequest(settings, state, plan.since)
    const answer = await client.request(request)
    // Marks do not live for ever: then the read begins anew, and what was read before is merged again.
    if (
      plan.token === state.token &&
      plan.token !== null &&
      [400, 404, 410].includes(answer.status)
    ) {
      state = firstState(paging, null)
      skipCount = 0
      continue
    }
    const page = readPage(answer, settings)
    if (watch.isRepeated(page, paging)) return
    const rows = page.rows.map((row, at) => ({ ...row, line: rowCount + at + 1 }))
    rowCount += rows.length
    yield { rows: inRange(rows, bounds), byteCount: page.byteCount, state, skipCount }
    skipCount = 0
    const arrived: Arrived = { page, answer, url: request.url ?? settings.url, rowCount }
    state = nextState(paging, state, arrived)
    if (state === null && !hasToken(paging) && page.total !== null && rowCount < page.total) {
      throw tooFew(rowCount, page.total)
    }
    if (state?.token) watch.refuseSeen(state.token)
  }
}

/** Pages that come again: a server that does not go on would be read for ever. */
function loopWatch() {
  const seen = new Set<string>()
  let last = ''
  return {
    refuseSeen(token: string): void {
      if (seen.has(token)) throw looping()
      seen.add(token)
    },
    /**
     * Whether a counted page is the one before again. A short one is the last: some servers answer with it
     * for every number behind the end. A full one is a server that does not look at the number.
     */
    isRepeated(page: Page, paging: Paging): boolean {
      const size =
        paging.kind === 'page' ? paging.size : paging.kind === 'offset' ? paging.limit : 0
      if (size === 0 || page.rows.length === 0) return false
      const digest = createHash('sha256').update(JSON.stringify(page.rows)).digest('base64')
      const isSame = digest === last
      last = digest
      if (isSame && page.rows.length >= size) throw looping()
      return isSame
    },
  }
}

function inRange(
  rows: readonly DecodedRow[],
  { cursor, range }: ReadBounds,
): readonly DecodedRow[] {
  const [column] = cursor ?? []
  if (range === null || column === undefined) return rows
  const { from, to } = range
  return rows.filter(({ row }) => {
    const value = cursorText(row?.[column])
    if (value === null) return true
    const isEarly = from !== undefined && isNewer(from, value)
    return !isEarly && (to === undefined || isNewer(to, value))
  })
}

function newestOf(
  rows: readonly DecodedRow[],
  { cursor }: ReadBounds,
  soFar: string | null,
): string | null {
  const [column] = cursor ?? []
  if (column === undefined) return soFar
  let newest = soFar
  for (const { row } of rows) {
    const value = cursorText(row?.[column])
    if (value !== null && isNewer(value, newest)) newest = value
  }
  return newest
}

interface Place {
  settings: HttpSettings
  bounds: ReadBounds
  plan: HttpPosition
  state: PageState
  from: number
  newest: string | null
}

function blockOf(rows: readonly DecodedRow[], byteCount: number, place: Place): SourceBlock {
  const { settings, bounds, plan, state, from, newest } = place
  // Rows that a range leaves out are not counted, so an index would lead astray.
  const isStable = hasToken(settings.paging ?? { kind: 'none' }) && bounds.range === null
  return {
    rows,
    byteCount: Math.ceil(byteCount),
    unit: null,
    isUnitEnd: false,
    positionAfter(count) {
      if (!isStable) return null
      const position: HttpPosition = {
        since: plan.since,
        newest: newestOf(rows.slice(0, count), bounds, newest),
        token: state.token,
        index: from + count,
        isWithin: true,
      }
      return position
    },
  }
}

const emptyBlock: SourceBlock = {
  rows: [],
  byteCount: 0,
  unit: null,
  isUnitEnd: false,
  positionAfter: () => null,
}

const ended = (block: SourceBlock, end: HttpPosition): SourceBlock => ({
  ...block,
  positionAfter: (count) => (count === block.rows.length ? end : block.positionAfter(count)),
})

const noSince = (): Refusal =>
  new Refusal(
    'request-invalid',
    '增量读取与回补须给出游标列与设置 since / Incremental reads and ranges need a cursor and the setting `since`',
  )

const looping = (): Refusal =>
  new Refusal(
    'state-conflict',
    '接口重复给出同一页,请核对分页设置(或给出 total) / The interface gives the same page again; check `paging` (or give `total`)',
  )

const tooFew = (count: number, total: number): Refusal =>
  new Refusal(
    'source-unreachable',
    `接口称共 ${total} 行,只给出 ${count} 行,稍后再试 / The interface says ${total} rows and gave ${count}; it is tried again`,
  )
