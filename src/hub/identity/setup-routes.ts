import { Setup } from '../../../schemas/api/identity.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { demand } from './permissions.ts'
import { setupCompleted } from './setup.ts'

const tags = ['setup']

export const setupRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    getSetup(app, hub)
    completeSetup(app, hub)
  }

function getSetup(app: Api, { setup }: Hub): void {
  const schema = {
    operationId: 'getSetup',
    summary: '是否处于初始设置模式 / Whether setup mode is on',
    tags,
    response: { 200: Setup },
  }
  app.get('/setup', { schema }, async () => ({ setupMode: await setup.isOpen() }))
}

function completeSetup(app: Api, { database, clock }: Hub): void {
  const schema = {
    operationId: 'completeSetup',
    summary:
      '结束初始设置模式,不可恢复 / End setup mode for good: roles and four eyes hold from now on',
    tags,
    response: { 200: Setup },
  }
  app.post('/setup/complete', { schema }, async (request, reply) => {
    const { id: by } = demand(request.caller, 'setup.complete', null)
    await database.atomically(async (stores) => {
      const fact = { by, at: clock.now().toISOString() }
      if (!(await stores.settings.addOnce(setupCompleted, fact))) {
        throw new Refusal('state-conflict', '初始设置已结束 / Setup has been completed already')
      }
      await stores.announceChange('setup')
      await auditCall(request, reply, { operation: 'setup.complete', outcome: 'allowed' })
    })
    return { setupMode: false }
  })
}
