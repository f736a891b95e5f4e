import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { Queue } from 'bullmq'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import type { InnerPart } from '../http/inner-app.ts'
import type { Hub } from '../hub.ts'

type InnerApp = Parameters<InnerPart>[0]
type InnerRequest = Pick<ApiRequest, 'method' | 'routeOptions'>

/** The board itself. Loaded when somebody first opens it, with the libraries that it needs. */
export const board =
  ({ config, queue }: Hub): InnerPart =>
  async (app, outer) => {
    const adapter = new FastifyAdapter().setBasePath('/board')
    const made = createBullBoard({
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
    const show = queueSetter(made, config.queue.isBoardWritable)
    app.addHook('onRequest', async (request) => {
      if (isStatic(request)) return
      if (isLook(request)) await auditLook(request, outer())
      show(await queue.queues())
    })
    dropForeignLinks(app)
    const plugin = adapter.registerPlugin()
    const inHouseWords: typeof plugin = (scope, options, done) => {
      // The board would answer refusals in words of its own; what goes wrong is answered as everywhere else.
      Object.defineProperty(scope, 'setErrorHandler', { value: () => scope })
      plugin(scope, options, done)
    }
    await app.register(inHouseWords, { prefix: '/board' })
  }

/** Shows the queues as they are now: they are opened at the first look, and anew after an outage. */
function queueSetter(
  made: Pick<ReturnType<typeof createBullBoard>, 'replaceQueues'>,
  isWritable: boolean,
): (queues: readonly Queue[]) => void {
  let shown: readonly Queue[] = []
  return (queues) => {
    if (queues.every((queue, index) => queue === shown[index])) return
    shown = queues
    const readOnlyMode = !isWritable
    made.replaceQueues(queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode })))
  }
}

const routeOf = (request: InnerRequest): string => request.routeOptions.url ?? ''
const isStatic = (request: InnerRequest): boolean => routeOf(request).startsWith('/board/static')

/** Pages and single jobs are looks; the counts that an open page asks for every few seconds are not. */
const isLook = (request: InnerRequest): boolean =>
  request.method !== 'GET' ||
  !routeOf(request).startsWith('/board/api/') ||
  routeOf(request).includes(':jobId')

/** Written as a call from outside, which has the caller, by the inner route, which names no job. */
async function auditLook(
  inner: InnerRequest,
  { request, reply }: { request: ApiRequest; reply: ApiReply },
): Promise<void> {
  const operation = inner.method === 'GET' ? 'queue.see' : 'queue.change'
  const note = { method: inner.method, route: routeOf(inner) }
  await auditCall(request, reply, { operation, outcome: 'allowed', note })
}

/** The page as shipped asks an outside host for fonts; the hub's network may have no way out. */
function dropForeignLinks(app: InnerApp): void {
  app.addHook('onSend', async (_request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html')
    return isPage && typeof payload === 'string' ? withoutForeignLinks(payload) : payload
  })
}

export const withoutForeignLinks = (page: string): string =>
  page.replaceAll(/<link\b[^>]*\bhref="(?:https?:)?\/\/[^>]*>/gi, '')
