import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { Queue } from 'bullmq'
import { Refusal } from '../../shared/refusal.ts'
import type { Api, ApiReply, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { Hub } from '../hub.ts'
import { demand } from '../identity/permissions.ts'

/** The page's own style is inline; everything else comes from this server, and from nowhere else. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

/**
 * The job board (任务看板), for those who run the hub: what waits, what is worked off, by the ids of the runs
 * alone. Read-only unless the settings say otherwise; runs are cancelled and retried through the API.
 */
export const boardRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    const adapter = new FastifyAdapter().setBasePath('/board')
    const board = createBullBoard({
      queues: [],
      serverAdapter: adapter,
      options: {
        uiConfig: {
          boardTitle: '数桥任务看板 Shuqiao',
          locale: { lng: 'zh-CN' },
          favIcon: { default: 'static/images/logo.svg', alternative: 'static/favicon-32x32.png' },
          hideDocsLink: true,
          hideRedisDetails: true,
          showWorkers: false,
        },
      },
    })
    guardBoard(app, hub, queueSetter(board, hub.config.queue.isBoardWritable))
    dropForeignLinks(app)
    const plugin = adapter.registerPlugin()
    const inHouseWords: typeof plugin = (scope, options, done) => {
      // The board would answer refusals in words of its own; what goes wrong is answered as everywhere else.
      Object.defineProperty(scope, 'setErrorHandler', { value: () => scope })
      plugin(scope, options, done)
    }
    await app.register(inHouseWords)
  }

/** Shows the queues as they are now: they are opened at the first look, and anew after an outage. */
function queueSetter(
  board: Pick<ReturnType<typeof createBullBoard>, 'replaceQueues'>,
  isWritable: boolean,
): (queues: readonly Queue[]) => void {
  let shown: readonly Queue[] = []
  return (queues) => {
    if (queues.every((queue, index) => queue === shown[index])) return
    shown = queues
    const readOnlyMode = !isWritable
    board.replaceQueues(queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode })))
  }
}

function guardBoard(app: Api, { queue }: Hub, show: (queues: readonly Queue[]) => void): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('content-security-policy', pagePolicy)
    await admit(request, reply)
    if (isStatic(request)) return
    if (isLook(request)) await auditLook(request, reply)
    show(await queue.queues())
  })
}

/** Refusals outside `/v1` are not put on record by themselves. */
async function admit(request: ApiRequest, reply: ApiReply): Promise<void> {
  try {
    demand(request.caller, 'queue.see', null)
  } catch (error) {
    if (error instanceof Refusal) {
      const facts = { operation: 'queue.see', outcome: 'denied', code: error.code } as const
      await auditCall(request, reply, facts)
    }
    throw error
  }
}

const routeOf = (request: ApiRequest): string => request.routeOptions.url ?? ''
const isStatic = (request: ApiRequest): boolean => routeOf(request).startsWith('/board/static')

/** Pages and single jobs are looks; the counts that an open page asks for every few seconds are not. */
const isLook = (request: ApiRequest): boolean =>
  request.method !== 'GET' ||
  !routeOf(request).startsWith('/board/api/') ||
  routeOf(request).includes(':jobId')

async function auditLook(request: ApiRequest, reply: ApiReply): Promise<void> {
  const operation = request.method === 'GET' ? 'queue.see' : 'queue.change'
  const note = { method: request.method, route: routeOf(request) }
  await auditCall(request, reply, { operation, outcome: 'allowed', note })
}

/** The page as shipped asks an outside host for fonts; the hub's network may have no way out. */
function dropForeignLinks(app: Api): void {
  app.addHook('onSend', async (_request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html')
    return isPage && typeof payload === 'string' ? withoutForeignLinks(payload) : payload
  })
}

export const withoutForeignLinks = (page: string): string =>
  page.replaceAll(/<link\b[^>]*\bhref="(?:https?:)?\/\/[^>]*>/gi, '')
