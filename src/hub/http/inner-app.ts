import { AsyncLocalStorage } from 'node:async_hooks'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import { Refusal } from '../../shared/refusal.ts'
import type { Api, ApiReply, ApiRequest } from './api.ts'

/** A call of the hub's own app that is answered by an inner one. */
export interface OuterCall {
  request: ApiRequest
  reply: ApiReply
}

/** Adds the inner app's hooks and routes, at the addresses that they have outside. */
export type InnerPart = (app: FastifyInstance, outer: () => OuterCall) => Promise<void>

const methods = ['DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT']

/**
 * Serves everything below the app's prefix from an app that is made at the first call: Fastify takes no routes
 * once it listens, and pages that few ever open would hold their libraries in memory from the start. Who may
 * come in is for hooks of `app`, which run first. What goes wrong inside is thrown outside, so that it is
 * answered and logged as everywhere else.
 */
export function serveLate(app: Api, load: () => Promise<InnerPart>): void {
  let opened: Promise<InnerApp> | undefined
  const open = (): Promise<InnerApp> => {
    opened ??= load().then(openInner)
    // A failure is not kept: the next call tries again.
    opened.catch(() => (opened = undefined))
    return opened
  }
  for (const url of ['/', '/*']) {
    app.route({
      method: methods,
      url,
      schema: { hide: true },
      handler: async (request, reply) => (await open()).answer({ request, reply }),
    })
  }
  app.addHook('onClose', async () => (await opened?.catch(() => undefined))?.close())
}

interface InnerApp {
  answer(call: OuterCall): Promise<ApiReply>
  close(): Promise<void>
}

interface Visit {
  call: OuterCall
  failure?: { error: unknown }
}

async function openInner(part: InnerPart): Promise<InnerApp> {
  const app = Fastify({ exposeHeadRoutes: false, routerOptions: { maxParamLength: 2048 } })
  const visits = new AsyncLocalStorage<Visit>()
  const visit = (): Visit => {
    const found = visits.getStore()
    if (found === undefined) throw new Error('The inner app was not called from outside')
    return found
  }
  app.setErrorHandler((error, _request, reply) => {
    visit().failure = { error }
    return reply.send('')
  })
  app.setNotFoundHandler(() => {
    throw new Refusal('not-found', '没有这个地址或方法 / There is no such address or method')
  })
  await part(app, () => visit().call)
  await app.ready()
  return {
    answer: async (call) => {
      const own: Visit = { call }
      // The call is made when it is awaited, so it must be awaited inside.
      const answer = await visits.run(own, async () => await app.inject(innerCall(call.request)))
      if (own.failure) throw own.failure.error
      for (const [name, value] of Object.entries(answer.headers)) {
        if (value !== undefined && !ofTheLine.has(name)) call.reply.header(name, value)
      }
      return call.reply.code(answer.statusCode).send(answer.rawPayload)
    },
    close: () => app.close(),
  }
}

/** Headers about the connection, which the two apps do not share, and who called, which the inner one need not know. */
const ofTheLine = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding'])
const notHandedOn = new Set([...ofTheLine, 'authorization', 'content-length', 'cookie', 'expect'])

function innerCall({ method, url, headers, body }: ApiRequest): InjectOptions {
  const kept = Object.entries(headers).filter(([name]) => !notHandedOn.has(name))
  return {
    method,
    url,
    headers: Object.fromEntries(kept),
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  }
}
