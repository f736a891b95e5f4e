import { randomUUID } from 'node:crypto'
import { createClient, type Client } from './client.ts'

/** One resource of the demo's city: who provides it, and which adapter feeds it. */
export interface CityResource {
  id: string
  title: string
  provider: string
  standard: string
  source: string
  category: { class: string; item: string; topic: string }
}

export const cityDepartments = [
  { id: 'data-bureau', name: '宁乡市数据局' },
  { id: 'public-security', name: '宁乡市公安局' },
  { id: 'market-regulation', name: '宁乡市市场监督管理局' },
  { id: 'natural-resources', name: '宁乡市自然资源局' },
  { id: 'administrative-approval', name: '宁乡市行政审批服务局' },
] as const

export const cityResources: readonly CityResource[] = [
  {
    id: 'population',
    title: '人口基础信息',
    provider: 'public-security',
    standard: 'population',
    source: 'residents',
    category: { class: '1', item: '01', topic: '001' },
  },
  {
    id: 'legal-persons',
    title: '法人单位基础信息',
    provider: 'market-regulation',
    standard: 'legal-person',
    source: 'companies',
    category: { class: '1', item: '02', topic: '001' },
  },
  {
    id: 'property',
    title: '不动产登记信息',
    provider: 'natural-resources',
    standard: 'property',
    source: 'rights',
    category: { class: '1', item: '03', topic: '001' },
  },
  {
    id: 'permits',
    title: '行政许可信息',
    provider: 'administrative-approval',
    standard: 'licence',
    source: 'permits',
    category: { class: '1', item: '05', topic: '001' },
  },
  {
    id: 'licences',
    title: '电子证照信息',
    provider: 'administrative-approval',
    standard: 'licence',
    source: 'licences',
    category: { class: '1', item: '05', topic: '002' },
  },
]

export interface City {
  url: string
  admin: Client
  /** Front-end machines by department. */
  machines: ReadonlyMap<string, Client>
  approvalSystem: Client
}

/** Registers the city's departments and systems in setup mode. */
export async function foundCity(url: string, adminToken: string): Promise<City> {
  const admin = createClient(url, adminToken)
  for (const department of cityDepartments) {
    await admin.post('/v1/departments', { ...department, division: '430182' })
  }
  const register = async (id: string, department: string, kind: string): Promise<Client> => {
    const { token } = await admin.post<{ token: string }>('/v1/systems', {
      id,
      department,
      name: id,
      kind,
    })
    return createClient(url, token)
  }
  const machines = new Map<string, Client>()
  for (const provider of new Set(cityResources.map((resource) => resource.provider))) {
    machines.set(provider, await register(`${provider}-front`, provider, 'front-end-machine'))
  }
  const approvalSystem = await register(
    'approval-system',
    'administrative-approval',
    'business-system',
  )
  return { url, admin, machines, approvalSystem }
}

/** Drafts, mounts and publishes a resource: the short path of setup mode. */
export async function publishResource(admin: Client, resource: CityResource): Promise<void> {
  const { source, category, ...rest } = resource
  await admin.post('/v1/resources', {
    ...rest,
    category: { ...category, detail: '' },
    abstract: `${resource.title},由${resource.provider}提供`,
    format: { class: 'database', type: 'PostgreSQL' },
    share: {
      type: 'conditional',
      scope: '本市行政审批部门',
      use: '行政审批核验',
      methods: [{ channel: 'platform', type: 'interface' }],
    },
    grade: 'general-3',
    open: { open: false },
    updateCycle: 'daily',
    authoritative: true,
  })
  await admin.put(`/v1/resources/${resource.id}/mount`, { adapter: resource.provider, source })
  await admin.post(`/v1/resources/${resource.id}/transitions`, { action: 'publish' })
}

/** What the approval system is granted of one resource. */
export interface Wanted {
  masks?: Record<string, string>
  resource: string
  operations: string[]
  fields: string[]
}

/** Applies for a resource on behalf of the approval system, and the provider agrees. */
export async function applyAndGrant(
  admin: Client,
  { masks = {}, ...wanted }: Wanted,
): Promise<string> {
  const application = await admin.post<{ id: string }>('/v1/applications', {
    ...wanted,
    system: 'approval-system',
    purposes: ['XZSP-0001'],
    basis: '行政许可法第三十四条',
    scenario: '企业开办一件事',
    scope: '审批窗口',
    method: 'interface',
    validUntil: '2027-12-31',
  })
  const { grant } = await admin.post<{ grant: { id: string } }>(
    `/v1/applications/${application.id}/decisions`,
    { decision: 'agree', reason: '符合共享条件', masks },
  )
  return grant.id
}

/** Headers that say what a call is for: item, operator, case. */
export const callFor = (caseNumber: string = randomUUID()): Record<string, string> => ({
  'x-purpose': 'XZSP-0001',
  'x-operator': encodeURIComponent('窗口经办 李敏'),
  'x-case-number': encodeURIComponent(caseNumber),
})
