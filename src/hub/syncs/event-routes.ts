import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { RunParams } from '../../../schemas/api/intake.ts'
import type { Api, ApiReply, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { Hub } from '../hub.ts'
import { demandRun } from '../intake/access.ts'
import { runFacts } from '../intake/intake.ts'
import { lookAtRun } from '../intake/look-at-run.ts'
import type { RunRow } from '../intake/run-rows.ts'
import { runStore } from '../intake/runs.ts'
import { type RunWatch, watchRuns } from './run-watch.ts'
import { watchLimits } from './watch-limits.ts'

/** `GET /runs/{id}/events`: a run as it happens, as server-sent events (HTML Living Standard, 9.2). */
export const eventRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    const { pool } = hub.intake.parts
    const watch = watchRuns({ find: (id) => runStore(pool).find(id), log: app.log })
    // Before the server waits for its connections: they would be open for as long as the runs take.
    app.addHook('preClose', async () => watch.close())
    getEvents(app, hub, watch)
  }

function getEvents(app: Api, { intake: { parts }, clock }: Hub, watch: RunWatch): void {
  const schema = {
    operationId: 'watchRun',
    summary: '运行的事件流(server-sent events) / A run as server-sent events',
    description:
      '每有变化发一个 `event: run`(内容同 GET /v1/runs/{id}),结束时发 `event: end`;断开后凭 Last-Event-ID 续接。' +
      ' / `event: run` at every change, as GET /v1/runs/{id} answers it, then `event: end`. Take it up again with Last-Event-ID.',
    tags: ['syncs'],
    params: RunParams,
    response: {
      200: {
        description: 'text/event-stream',
        content: { 'text/event-stream': { schema: Type.String() } },
      },
    },
  }
  app.get('/runs/:id/events', { schema }, async (request, reply) => {
    const found = await runStore(parts.pool).find(request.params.id)
    const run = demandRun(request.caller, found)
    const leaving = new AbortController()
    // A stream ends now and then: whoever goes on is asked anew who they are.
    const signal = AbortSignal.any([
      leaving.signal,
      AbortSignal.timeout(watchLimits.eventStreamMsMax),
    ])
    reply.raw.once('close', () => leaving.abort())
    const sightings = watch.follow(run, signal)
    await auditCall(request, reply, { ...runFacts(run, 'runs.watch'), outcome: 'allowed' })
    const known = request.headers['last-event-id']
    const events = eventsOf(sightings, {
      lookAt: (seen) => lookAtRun(parts, seen, clock.now()),
      known: typeof known === 'string' ? known : null,
    })
    return sendEvents(reply, events)
  })
}

/** Proxies that gather answers before they pass them on are asked not to. */
const sendEvents = (reply: ApiReply, events: AsyncIterable<string>): ApiReply =>
  reply
    .type('text/event-stream; charset=utf-8')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(events))

interface Telling {
  lookAt(run: RunRow): Promise<object>
  /** The id of the last event that the caller has. */
  known: string | null
}

/** The same for the same row, on whichever process the caller asks next. */
const eventIdOf = (run: RunRow): string =>
  createHash('sha256').update(JSON.stringify(run)).digest('base64url').slice(0, 16)

async function* eventsOf(
  sightings: ReturnType<RunWatch['follow']>,
  { lookAt, known }: Telling,
): AsyncGenerator<string> {
  yield `retry: ${watchLimits.eventRetryMs}\n\n`
  let last: RunRow | null = null
  for await (const sighting of sightings) {
    if (sighting.kind === 'quiet') {
      yield ': \n\n'
      continue
    }
    const isFirst = last === null
    last = sighting.run
    const id = eventIdOf(last)
    if (isFirst && id === known) continue
    yield `id: ${id}\nevent: run\ndata: ${JSON.stringify(await lookAt(last))}\n\n`
  }
  if (last !== null && last.endedAt !== null)
    yield `event: end\ndata: {"state":"${last.state}"}\n\n`
}
