import type { TestHub } from './hub.ts'

/** A resource without a standard: a text key and an amount. */
export const plainDraft = (id: string, provider: string) => ({
  id,
  title: `资源 ${id}`,
  provider,
  abstract: '测试资源',
  category: { class: '3', item: '07', topic: '001', detail: '' },
  format: { class: 'database', type: 'PostgreSQL' },
  share: { type: 'conditional', scope: '测试', use: '测试' },
  grade: 'general-1',
  open: { open: false },
  updateCycle: 'daily',
  fields: [
    {
      name: 'thing',
      title: '编号',
      type: 'text',
      length: 50,
      required: true,
      sensitivity: 'public',
      lookup: true,
    },
    {
      name: 'amount',
      title: '数量',
      type: 'decimal',
      length: 24,
      precision: 6,
      sensitivity: 'public',
    },
  ],
  key: ['thing'],
})

/** A resource of a standard, as its provider drafts it. */
export const standardDraft = (id: string, provider: string, standard: string) => {
  const { fields: _fields, key: _key, ...draft } = plainDraft(id, provider)
  return { ...draft, standard }
}

/** Drafts and publishes in setup mode; answers the id. */
export async function publishDraft(
  hub: TestHub,
  draft: { id: string } & Record<string, unknown>,
  mount?: Record<string, unknown>,
): Promise<string> {
  const expectOk = async (method: 'POST' | 'PUT', url: string, body: unknown): Promise<void> => {
    const answer = await hub.call(method, url, { token: hub.adminToken, body })
    if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
  }
  await expectOk('POST', '/v1/resources', draft)
  if (mount !== undefined) await expectOk('PUT', `/v1/resources/${draft.id}/mount`, mount)
  await expectOk('POST', `/v1/resources/${draft.id}/transitions`, { action: 'publish' })
  return draft.id
}

export const publishPlain = (
  hub: TestHub,
  { id, provider }: { id: string; provider: string },
): Promise<string> => publishDraft(hub, plainDraft(id, provider))
