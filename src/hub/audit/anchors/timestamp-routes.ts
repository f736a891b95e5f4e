import type { Pool } from 'pg'
import { Type } from 'typebox'
import { TimestampList, TimestampParams, TimestampQuery } from '../../../../schemas/api/anchors.ts'
import { Refusal } from '../../../shared/refusal.ts'
import type { Api } from '../../http/api.ts'
import { findTimestamp, listTimestamps } from './timestamp-store.ts'

const tags = ['audit']
const open = { anonymous: true }
const pageRows = 100

/** Timestamps of checkpoints: like the tree for anyone, without an entry, since they say nothing of anybody. */
export function timestampRoutes(app: Api, pool: Pick<Pool, 'query'>): void {
  listAuditTimestamps(app, pool)
  getAuditTimestamp(app, pool)
}

function listAuditTimestamps(app: Api, pool: Pick<Pool, 'query'>): void {
  const schema = {
    operationId: 'listAuditTimestamps',
    summary: '已加盖时间戳的检查点,新的在前 / Checkpoints with a timestamp, newest first',
    tags,
    querystring: TimestampQuery,
    response: { 200: TimestampList },
  }
  app.get('/audit/timestamps', { schema, config: open }, async (request) => {
    const { below = null, limit = pageRows } = request.query
    const rows = await listTimestamps(pool, { below, rowsMax: limit })
    return {
      items: rows.map(({ size, note, at }) => ({
        size,
        checkpoint: note,
        keptAt: at,
      })),
      below: rows.length === limit ? (rows.at(-1)?.size ?? null) : null,
    }
  })
}

const tokenAnswer = {
  200: {
    description: 'RFC 3161 TimeStampResp (DER)',
    content: {
      'application/timestamp-reply': { schema: Type.Unsafe<Uint8Array>({ type: 'string' }) },
    },
  },
}

function getAuditTimestamp(app: Api, pool: Pick<Pool, 'query'>): void {
  const schema = {
    operationId: 'getAuditTimestamp',
    summary: '某检查点的 RFC 3161 时间戳 / The RFC 3161 timestamp of a checkpoint',
    tags,
    params: TimestampParams,
    response: tokenAnswer,
  }
  app.get('/audit/timestamps/:size', { schema, config: open }, async (request, reply) => {
    const token = await findTimestamp(pool, request.params.size)
    if (token === null) {
      // As of the tree: what is not there is asked for by whoever waits for it, and makes no entry.
      request.auditedOutcome = 'absent'
      throw new Refusal('not-found', '此检查点没有时间戳 / This checkpoint has no timestamp')
    }
    return reply
      .type('application/timestamp-reply')
      .header('cache-control', 'public, max-age=31536000, immutable')
      .send(token)
  })
}
