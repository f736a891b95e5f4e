import { Type } from 'typebox'
import { OpenedSession, Session, SignIn } from '../../../schemas/api/identity.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiReply, ApiRequest, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { sessionCookie } from '../http/authentication.ts'
import { openSession } from './open-session.ts'
import { signInLimits } from './sign-in-limits.ts'

const tags = ['session']

/** A working day with its breaks. */
const sessionSeconds = 12 * 3600

export const sessionRoutes =
  (hub: Hub): ApiRoutes =>
  async (app) => {
    signIn(app, hub)
    getSession(app, hub)
    signOut(app, hub)
  }

function signIn(app: Api, hub: Hub): void {
  const limits = signInLimits(hub.clock.nowMs)
  const schema = {
    operationId: 'signIn',
    summary: '登录:令牌或账号口令 / Sign in with a staff token, or account and password',
    tags,
    body: SignIn,
    response: { 201: OpenedSession },
  }
  app.post('/session', { schema, config: { anonymous: true } }, async (request, reply) => {
    const session = await openSession(
      hub,
      { request, reply, body: request.body },
      { limits, seconds: sessionSeconds },
    )
    setCookie(request, reply, `${session.token}; Max-Age=${sessionSeconds}`)
    return reply.code(201).send(session)
  })
}

function getSession(app: Api, { database, setup }: Hub): void {
  const schema = {
    operationId: 'getSession',
    summary: '当前登录状态,总是 200 / Whether someone is signed in; always 200',
    tags,
    response: { 200: Session },
  }
  app.get('/session', { schema, config: { anonymous: true } }, async ({ caller }) => {
    if (caller?.kind !== 'staff') return { signedIn: false }
    const found = await database.staff.find(caller.id)
    if (!found) return { signedIn: false }
    const { id, name, department, roles } = found
    return {
      signedIn: true,
      staff: { id, name, department, roles },
      setupMode: await setup.isOpen(),
    }
  })
}

function signOut(app: Api, { database, authenticator }: Hub): void {
  const schema = {
    operationId: 'signOut',
    summary: '退出登录 / Sign out',
    tags,
    response: { 204: Type.Null() },
  }
  app.delete('/session', { schema }, async (request, reply) => {
    const digest = request.identified?.digest ?? ''
    await database.atomically(async (stores) => {
      await stores.tokens.deleteSession(digest)
      await stores.announceChange('session')
      await auditCall(request, reply, { operation: 'staff.sign-out', outcome: 'allowed' })
    })
    authenticator.clear()
    setCookie(request, reply, '; Max-Age=0')
    return reply.code(204).send(null)
  })
}

/** Out of reach of scripts, never sent along from another site, and over TLS only where there is TLS. */
function setCookie(request: ApiRequest, reply: ApiReply, value: string): void {
  const secure = request.protocol === 'https' ? '; Secure' : ''
  reply.header(
    'set-cookie',
    `${sessionCookie}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}`,
  )
}
