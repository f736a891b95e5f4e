import { Me } from '../../../schemas/api/identity.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { ApiRoutes } from '../http/api.ts'

export const meRoutes =
  ({ database, setup }: Hub): ApiRoutes =>
  async (app) => {
    const schema = {
      operationId: 'getMe',
      summary: '我是谁 / Who I am',
      tags: ['session'],
      response: { 200: Me },
    }
    app.get('/me', { schema }, async ({ caller }) => {
      const setupMode = await setup.isOpen()
      if (caller?.kind === 'system') {
        const { id, name, department, kind: systemKind } = await database.systems.demand(caller.id)
        return { kind: 'system' as const, id, name, department, systemKind, setupMode }
      }
      if (caller === null) throw new Refusal('credentials-invalid')
      const { id, name, department, roles } = await database.staff.demand(caller.id)
      return { kind: 'staff' as const, id, name, department, roles, setupMode }
    })
  }
