import { readFileSync } from 'node:fs'
import { sourceOf } from '../../adapters/index.ts'
import { cityResources, publishResource, type City, type CityResource } from './city.ts'
import type { Client } from './client.ts'
import { heading, say, table } from './print.ts'

export interface PushAnswer {
  state: string
  counts: Record<string, number>
  rejects: { line: number; field: string | null; code: string; message: string }[]
}

const countNames = [
  ['read', '读取'],
  ['inserted', '新增'],
  ['updated', '更新'],
  ['unchanged', '未变'],
  ['stale', '过时'],
  ['superseded', '被取代'],
  ['deleted', '删除'],
  ['rejected', '拒收'],
  ['flagged', '存疑'],
] as const

export async function publishAll({ admin }: City): Promise<void> {
  heading('编目与发布', 'Catalog')
  for (const resource of cityResources) {
    await publishResource(admin, resource)
    say(
      `  已发布 / published: ${resource.title} (${resource.id}) ← ${resource.provider}/${resource.source}`,
    )
  }
}

/** Each department's front-end machine pushes its sample, in the source's own columns. */
export async function pushSamples({ machines }: City): Promise<void> {
  heading('推送样例', 'Samples pushed')
  const answers: [CityResource, PushAnswer][] = []
  for (const resource of cityResources) {
    const source = sourceOf(resource.provider, resource.source)
    const machine = machines.get(resource.provider)
    if (!source || !machine) throw new Error(`no sample of ${resource.provider}/${resource.source}`)
    const sample = { bytes: readFileSync(source.sample), mediaType: source.mediaType }
    answers.push([resource, await push(machine, resource.id, sample)])
  }
  report(answers.map(([resource, answer]) => [resource.title, answer]))
  heading('拒收与原因', 'Rejected rows, and why')
  for (const [resource, { rejects }] of answers) {
    for (const { line, field, message } of rejects.slice(0, 4)) {
      say(`  ${resource.title} 第 ${line} 行 / line ${line} ${field ?? ''}: ${message}`)
    }
  }
}

const push = (
  machine: Client,
  resource: string,
  sample: { bytes: Uint8Array; mediaType: string },
): Promise<PushAnswer> =>
  machine.push(`/v1/resources/${resource}/batches`, sample.bytes, sample.mediaType)

/** Runs and their counts, a line each. */
export function report(answers: readonly (readonly [string, PushAnswer])[]): void {
  table(
    ['资源 resource', '状态 state', ...countNames.map(([name, chinese]) => `${chinese} ${name}`)],
    answers.map(([title, { state, counts }]) => [
      title,
      state,
      ...countNames.map(([name]) => counts[name] ?? 0),
    ]),
  )
}

/** A real registry file, through the mapping of the market regulation's CSV source. */
export async function pushRegistry({ admin, machines }: City, bytes: Uint8Array): Promise<void> {
  heading('推送工商登记文件', 'A real registry file')
  const resource: CityResource = {
    id: 'registry',
    title: '企业登记文件',
    provider: 'market-regulation',
    standard: 'legal-person',
    source: 'registry-csv',
    category: { class: '1', item: '02', topic: '002' },
  }
  await publishResource(admin, resource)
  const machine = machines.get(resource.provider)
  if (!machine) throw new Error(`no machine of ${resource.provider}`)
  const answer = await push(machine, resource.id, { bytes, mediaType: 'text/csv' })
  report([[resource.title, answer]])
  for (const { line, field, message } of answer.rejects.slice(0, 10)) {
    say(`  第 ${line} 行 / line ${line} ${field ?? ''}: ${message}`)
  }
}
