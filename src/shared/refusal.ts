import { problems, type ProblemCode } from '../../schemas/api/problems.ts'

/** One fault of a request's body or query: where (RFC 6901 pointer), which, and what to do about it. */
export interface RequestFault {
  pointer: string
  code: string
  message: string
}

/**
 * An expected refusal: whatever the caller, the bureau or a provider can put right. Anything else that
 * is thrown is a bug of ours and becomes `internal`, its message kept to the log.
 */
export class Refusal extends Error {
  readonly code: ProblemCode
  readonly errors: readonly RequestFault[]
  /** Seconds after which to try again; sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    detail: string = problems[code].title,
    more: { errors?: readonly RequestFault[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause })
    this.name = 'Refusal'
    this.code = code
    this.errors = more.errors ?? []
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}
