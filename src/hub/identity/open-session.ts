import type { Static } from 'typebox'
import type { OpenedSession, SignIn } from '../../../schemas/api/identity.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { ApiReply, ApiRequest } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { passwordMatches } from './passwords.ts'
import type { SignInLimits } from './sign-in-limits.ts'
import type { StaffMember } from './staff-store.ts'
import { newToken } from './tokens.ts'

type SignInBody = Static<typeof SignIn>

export interface SessionRules {
  limits: SignInLimits
  /** How long the session lasts. */
  seconds: number
}

/**
 * Signs a member of staff in by token or by account and password, and logs the attempt either way. What
 * was wrong is not told, nor shown by the time it takes: `credentials-invalid`.
 */
export async function openSession(
  hub: Hub,
  call: { request: ApiRequest; reply: ApiReply; body: SignInBody },
  { limits, seconds }: SessionRules,
): Promise<Static<typeof OpenedSession>> {
  const { request, reply, body } = call
  demandComplete(body)
  const { account } = body
  if (account !== undefined) limits.check(account, request.ip)
  const { staff, known } = await findStaff(hub, body)
  if (!staff) {
    if (account !== undefined) limits.countFailure(account, request.ip)
    const code = 'credentials-invalid'
    // Under the name of whose account it is; an invented account may be a mistyped password.
    if (known) {
      const facts = { operation: 'staff.sign-in', outcome: 'denied' as const, staff: known.id }
      await auditCall(request, reply, { ...facts, code })
    }
    throw new Refusal(code, '令牌、账号或口令不正确 / The token, account or password is wrong')
  }
  const token = newToken()
  const expiresAt = await hub.database.atomically(async ({ tokens }) => {
    const until = await tokens.add(token, { staffId: staff.id }, { seconds })
    await tokens.deleteExpired()
    await auditCall(request, reply, signInFacts(staff, body))
    return until
  })
  const { id, name, department, roles } = staff
  return {
    signedIn: true,
    token,
    expiresAt: expiresAt ?? '',
    staff: { id, name, department, roles },
    setupMode: await hub.setup.isOpen(),
  }
}

const signInFacts = (staff: StaffMember, body: SignInBody) => ({
  operation: 'staff.sign-in',
  outcome: 'allowed' as const,
  staff: staff.id,
  ...(staff.department !== null && { department: staff.department }),
  note: { by: body.token === undefined ? 'password' : 'token' },
})

/** Either the token or both of the others. */
function demandComplete({ token, account, password }: SignInBody): void {
  if (token !== undefined && account === undefined && password === undefined) return
  if (token === undefined && account !== undefined && password !== undefined) return
  const missing = account === undefined ? ['account', 'password'] : ['password']
  const names = token === undefined ? missing : ['token']
  const errors = names.map((name): RequestFault => ({
    pointer: `/${name}`,
    code: token === undefined ? 'required' : 'exclusive',
    message: '请提供 token,或 account 与 password / Give token, or account and password',
  }))
  throw new Refusal('request-invalid', '登录信息不完整 / The sign-in is incomplete', { errors })
}

interface Attempt {
  /** Who may come in. */
  staff: StaffMember | null
  /** Whose account was tried. */
  known: StaffMember | null
}

async function findStaff({ database, authenticator }: Hub, body: SignInBody): Promise<Attempt> {
  if (body.token !== undefined) {
    const holder = await authenticator.identify(body.token)
    // A session must not be prolonged out of itself for ever.
    if (holder?.caller.kind !== 'staff' || holder.kind === 'session')
      return { staff: null, known: null }
    const staff = await database.staff.find(holder.caller.id)
    return { staff, known: staff }
  }
  const known = await database.staff.findAccount(body.account ?? '')
  const matches = await passwordMatches(body.password ?? '', known?.passwordHash ?? null)
  return { staff: matches ? known : null, known }
}
