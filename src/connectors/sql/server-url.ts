import { Refusal } from '../../shared/refusal.ts'

export interface ServerAddress {
  host: string
  port: number
  user: string
  password: string
  /** Without its first slash: the database, or what the store takes it for. */
  path: string
  parameters: URLSearchParams
}

/** Reads a connection URL; what is wrong with it is told without showing it, since it holds a password. */
export function serverUrl(url: string, schemes: readonly string[], port: number): ServerAddress {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !schemes.includes(parsed.protocol.slice(0, -1))) {
    throw new Refusal(
      'request-invalid',
      `连接地址应写作 ${schemes[0]}://用户:密码@主机:${port}/库名,特殊字符须百分号编码 / Write the URL as ${schemes[0]}://user:password@host:${port}/database, special characters percent-encoded`,
    )
  }
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: parsed.port === '' ? port : Number(parsed.port),
    user: decoded(parsed.username),
    password: decoded(parsed.password),
    path: decoded(parsed.pathname.slice(1)),
    parameters: parsed.searchParams,
  }
}

/** A lone percent sign in a password is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `postgres://10.1.2.3:5432/zhongyan`: where it leads, without secrets. */
export function originOf(url: string, scheme: string, port: number): string {
  if (!URL.canParse(url)) return `${scheme}://?`
  const { hostname, port: given, pathname } = new URL(url)
  return `${scheme}://${hostname || 'localhost'}:${given || port}${pathname === '/' ? '' : pathname}`
}
