import { lookup } from 'node:dns/promises'
import type { HttpSettings } from '../../../schemas/api/connectors.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Connector, ConnectorContext, ProbeStage } from '../contract.ts'
import { probeStage } from '../file/probe-folder.ts'
import { sampleColumns } from '../file/sample-columns.ts'
import { openHttpClient } from './client.ts'
import type { HttpAnswer } from './exchange.ts'
import { openHttpSource } from './http-source.ts'
import { readPage, refuseStatus } from './page.ts'
import { firstState, pageRequest } from './paging.ts'
import { openHttpTarget } from './target.ts'

/** REST interfaces: pages of rows as a source, signed batches as a target. */
export const http: Connector<HttpSettings> = {
  kind: 'http',
  title: 'HTTP 接口',
  titleEn: 'HTTP interface',
  isTried: true,
  secrets: ['headers.*', 'auth.token', 'auth.password', 'auth.clientSecret', 'signingKey'],
  origin: ({ url }) => new URL(url).origin,
  probe: probeInterface,
  openSource: openHttpSource,
  openTarget: openHttpTarget,
}

/** Asks for the first page once: an interface that fails now and then is not probed for minutes. */
async function* probeInterface(
  settings: HttpSettings,
  context: ConnectorContext,
): AsyncGenerator<ProbeStage> {
  const resolved = await probeStage('resolve', () => resolve(settings.url))
  yield resolved
  if (!resolved.ok) return
  const client = openHttpClient({ ...settings, retry: { attempts: 1 } }, context)
  try {
    const asked: { answer?: HttpAnswer } = {}
    const connected = await probeStage('connect', async () => {
      const state = firstState(settings.paging ?? { kind: 'none' }, null)
      asked.answer = await client.request(pageRequest(settings, state, null))
      const warning =
        settings.tls?.verify === false ? ';未校验证书 / the certificate is not verified' : ''
      return { message: `接口有应答 / The interface answers${warning}` }
    })
    yield connected
    const { answer } = asked
    if (answer === undefined) return
    for (const [stage, work] of judgements(answer, settings)) {
      const told = await probeStage(stage, work)
      yield told
      if (!told.ok) return
    }
  } finally {
    await client.close()
  }
}

async function resolve(url: string): Promise<{ message: string }> {
  const { hostname } = new URL(url)
  const found = await lookup(hostname.replace(/^\[|\]$/g, '')).catch(() => null)
  if (found) return { message: `${hostname} → ${found.address}` }
  throw new Refusal(
    'source-unreachable',
    `域名 ${hostname} 无法解析 / The name ${hostname} cannot be resolved`,
  )
}

type Stage = [ProbeStage['stage'], () => Promise<Omit<ProbeStage, 'stage' | 'ok'>>]

const judgements = (answer: HttpAnswer, settings: HttpSettings): Stage[] => [
  [
    'sign-in',
    async () => {
      if (answer.status === 401) refuseStatus(answer.status)
      return { message: '凭据被接受 / The credentials were accepted' }
    },
  ],
  [
    'privilege',
    async () => {
      refuseStatus(answer.status)
      return { message: `可读(${answer.status}) / Readable (${answer.status})` }
    },
  ],
  [
    'sample',
    async () => {
      const { rows, total } = readPage(answer, settings)
      const told = total === null ? '' : `,共 ${total} 行 / of ${total}`
      return {
        message: `首页 ${rows.length} 行${told} / The first page has ${rows.length} rows`,
        columns: sampleColumns(rows),
      }
    },
  ],
]
