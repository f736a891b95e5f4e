import { Refusal } from '../../shared/refusal.ts'
import { errorCode } from '../error-code.ts'

const uniqueViolation = '23505'

/** Runs a write; a value that must be unique and is not becomes `code-taken`. */
export async function codeTaken<T>(what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (errorCode(error) !== uniqueViolation) throw error
    throw new Refusal('code-taken', `${what} 的编号已被占用 / The id or code is taken`, {
      cause: error,
    })
  }
}
