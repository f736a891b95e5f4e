import { type City, provider } from './city.ts'
import { percentile, type Results, within } from './results.ts'

const titles = [
  '企业年报',
  '排污许可',
  '医保参保',
  '学籍信息',
  '婚姻登记',
  '公积金缴存',
  '渔船证书',
  '食品经营',
] as const
const words = [
  '许可',
  '信息',
  '婚姻登记',
  '公积金',
  '证书 12',
  'resource-77',
  '缴存',
  '无此词',
] as const
const draftingAtOnce = 8
const searchMsMax = 30

const draftAt = (index: number) => ({
  id: `resource-${index}`,
  title: `${titles[index % titles.length]} ${index}`,
  provider,
  abstract: `第 ${index} 项目录,供检索测量`,
  category: { class: '3', item: '01', topic: '001', detail: '' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: { type: 'unconditional' },
  grade: 'general-2',
  open: { open: false },
  updateCycle: 'monthly',
  key: ['number'],
  fields: [
    {
      name: 'number',
      title: '编号',
      type: 'text',
      length: 30,
      required: true,
      sensitivity: 'public',
    },
    { name: 'holder', title: '持有人', type: 'text', length: 200, sensitivity: 'internal' },
    { name: 'issuedOn', title: '发证日期', type: 'date', sensitivity: 'public' },
  ],
})

/** How long one search takes among many resources, each asked after the last is answered. */
export async function measureCatalog(city: City): Promise<Results> {
  const { resourceCount, roundSeconds } = city.options
  let next = 0
  const draft = async (): Promise<void> => {
    while (next < resourceCount) await city.call('POST', '/v1/resources', draftAt(next++))
  }
  await Promise.all(Array.from({ length: draftingAtOnce }, draft))
  await city.database.query('analyze')

  const samples: number[] = []
  const search = async (index: number): Promise<number> => {
    const word = words[index % words.length] ?? ''
    const begun = performance.now()
    await city.call('GET', `/v1/resources?q=${encodeURIComponent(word)}&limit=50`)
    return performance.now() - begun
  }
  for (let index = 0; index < words.length * 4; index++) await search(index)
  const until = performance.now() + roundSeconds * 1000
  for (let index = 0; performance.now() < until; index++) samples.push(await search(index))
  return { catalog: within(searchMsMax, { value: percentile(samples, 0.95), unit: 'ms p95' }) }
}
