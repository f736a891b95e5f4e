/**
 * Every refusal that the hub can give: one row a code. The README's table is held equal to this one by
 * a test. `actor` says who must act: that is what the status stands for.
 */
export const problems = {
  'request-invalid': { status: 400, title: '请求不合规 / The request is invalid', actor: 'caller' },
  'credentials-invalid': {
    status: 401,
    title: '凭据无效 / The credentials are invalid',
    actor: 'caller',
  },
  'grant-missing': { status: 403, title: '没有共享授权 / There is no grant', actor: 'caller' },
  'grant-expired': {
    status: 403,
    title: '共享授权已到期 / The grant has expired',
    actor: 'caller',
  },
  'grant-suspended': {
    status: 403,
    title: '共享授权已中止 / The grant is suspended',
    actor: 'bureau',
  },
  'field-not-granted': {
    status: 403,
    title: '信息项未授权 / A field is not granted',
    actor: 'caller',
  },
  'purpose-required': {
    status: 403,
    title: '须说明使用场景 / A purpose is required',
    actor: 'caller',
  },
  'operator-required': {
    status: 403,
    title: '须说明经办人 / An operator is required',
    actor: 'caller',
  },
  'case-number-required': {
    status: 403,
    title: '须提供办件编号 / A case number is required',
    actor: 'caller',
  },
  'purpose-not-granted': {
    status: 403,
    title: '使用场景未授权 / The purpose is not granted',
    actor: 'caller',
  },
  'role-missing': { status: 403, title: '没有相应角色 / The role is missing', actor: 'bureau' },
  'not-found': { status: 404, title: '未找到 / Not found', actor: 'caller' },
  'code-taken': { status: 409, title: '编号已被占用 / The code is taken', actor: 'caller' },
  'state-conflict': {
    status: 409,
    title: '当前状态不允许 / The state does not allow it',
    actor: 'caller',
  },
  'key-ambiguous': {
    status: 409,
    title: '查询键对应多条记录 / The key is ambiguous',
    actor: 'caller',
  },
  'cursor-expired': { status: 410, title: '游标已过期 / The cursor has expired', actor: 'caller' },
  'payload-too-large': {
    status: 413,
    title: '内容过大 / The payload is too large',
    actor: 'caller',
  },
  'media-type-unsupported': {
    status: 415,
    title: '不支持的媒体类型 / The media type is not supported',
    actor: 'caller',
  },
  'idempotency-conflict': {
    status: 422,
    title: '幂等键与内容不符 / The idempotency key was used for another body',
    actor: 'caller',
  },
  'rate-limited': { status: 429, title: '调用过于频繁 / Too many calls', actor: 'caller' },
  'quota-exceeded': { status: 429, title: '超出授权额度 / The quota is exceeded', actor: 'caller' },
  internal: { status: 500, title: '内部错误 / Internal error', actor: 'hub' },
  'source-unreachable': {
    status: 502,
    title: '数据源不可达 / The source cannot be reached',
    actor: 'provider',
  },
  unavailable: { status: 503, title: '暂时不可用 / Temporarily unavailable', actor: 'hub' },
} as const satisfies Record<
  string,
  { status: number; title: string; actor: 'caller' | 'bureau' | 'provider' | 'hub' }
>

export type ProblemCode = keyof typeof problems
