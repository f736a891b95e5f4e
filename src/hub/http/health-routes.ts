import type { FastifySchema } from 'fastify'
import { Type } from 'typebox'
import { Refusal } from '../../shared/refusal.ts'
import type { Api, ApiRequest, ApiRoutes } from './api.ts'
import type { InFlight } from './in-flight.ts'
import type { Metrics } from './metrics.ts'
import { problemBody, problemMediaType } from './problem.ts'

/** One thing that must work before calls may come. `null`: it does; else why not. */
export interface ReadinessCheck {
  name: string
  check: () => Promise<string | null>
}

export interface HealthParts {
  metrics: Metrics
  inFlight: InFlight
  checks: readonly ReadinessCheck[]
  /** What is not as it should be, though the hub works. */
  warnings(): Promise<readonly string[]>
}

const checkMsMax = 3000
const Health = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Record(Type.String(), Type.String()),
  warnings: Type.Array(Type.String()),
})
const answeredAlways = { anonymous: true, alwaysAnswered: true }

export const healthRoutes =
  (parts: HealthParts): ApiRoutes =>
  async (app) => {
    live(app)
    ready(app, parts)
    showMetrics(app, parts.metrics)
  }

function live(app: Api): void {
  const schema = {
    operationId: 'live',
    summary: '进程是否活着 / Is the process alive',
    tags: ['health'],
    response: { 200: Type.Object({ live: Type.Boolean() }) },
  }
  app.get('/livez', { schema, config: answeredAlways }, () => ({ live: true }))
}

function ready(app: Api, parts: HealthParts): void {
  const schema: FastifySchema = {
    operationId: 'ready',
    summary: '可否接收调用 / May calls come in',
    tags: ['health'],
    response: { 200: Health },
  }
  app.get('/readyz', { schema, config: answeredAlways }, async (request, reply) => {
    const checks = await runChecks(parts)
    const isReady = Object.values(checks).every((outcome) => outcome === 'ok')
    if (isReady) {
      return reply.send({ ready: true, checks, warnings: [...(await warningsOf(parts))] })
    }
    const refusal = new Refusal('unavailable', '尚未就绪 / Not ready')
    // A problem with two members more (RFC 9457, 3.2).
    const body = { ...problemBody(refusal, request.id), ready: false, checks }
    return reply
      .code(503)
      .header('retry-after', '5')
      .type(problemMediaType)
      .send(JSON.stringify(body))
  })
}

async function runChecks(parts: HealthParts): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {
    serving: parts.inFlight.isDraining ? '正在停止 / stopping' : 'ok',
  }
  await Promise.all(
    parts.checks.map(async ({ name, check }) => {
      outcomes[name] = await within(check()).catch(() => '失败 / failed')
    }),
  )
  return outcomes
}

async function within(check: Promise<string | null>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('无应答 / no answer'), checkMsMax)
  try {
    return await Promise.race([check.then((fault) => fault ?? 'ok'), promise])
  } finally {
    clearTimeout(timer)
  }
}

const warningsOf = (parts: HealthParts): Promise<readonly string[]> =>
  parts.warnings().catch(() => [])

function showMetrics(app: Api, { registry }: Metrics): void {
  const schema = {
    operationId: 'metrics',
    summary: 'Prometheus 指标:仅限本机或持令牌 / Prometheus metrics: on loopback or with a token',
    tags: ['health'],
    response: {
      200: { description: 'Prometheus', content: { 'text/plain': { schema: Type.String() } } },
    },
  }
  app.get('/metrics', { schema, config: answeredAlways }, async (request, reply) => {
    if (request.caller === null && !isLocal(request)) throw new Refusal('credentials-invalid')
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}

/**
 * The real address of the socket: a header could claim anything. A call that a proxy on this machine
 * passed on is not local, whoever sent it.
 */
function isLocal(request: ApiRequest): boolean {
  const { remoteAddress = '' } = request.raw.socket
  if (request.headers['x-forwarded-for'] ?? request.headers['forwarded']) return false
  return /^(::ffff:)?127\.|^::1$/.test(remoteAddress)
}
