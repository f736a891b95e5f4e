import { execFile } from 'node:child_process'
import { errorCode } from '../../error-code.ts'

const msMax = 20_000
const answerBytesMax = 1024 * 1024

/** The system's OpenSSL has refused, or is not there. */
export class OpensslFault extends Error {}

/** Runs the system's OpenSSL; answers what it wrote to standard output. Throws `OpensslFault`. */
export function openssl(...parameters: readonly string[]): Promise<Buffer> {
  const how = { encoding: 'buffer', timeout: msMax, maxBuffer: answerBytesMax } as const
  return new Promise((resolve, reject) => {
    execFile('openssl', parameters, how, (error, output, errors) => {
      if (error === null) return resolve(output)
      const isAbsent = errorCode(error) === 'ENOENT'
      const said = isAbsent ? 'openssl is not installed' : errors.toString('utf8').trim()
      reject(new OpensslFault(said || error.message, { cause: error }))
    })
  })
}

/** `OpenSSL 3.0.19 …`; null where there is none. */
export const opensslVersion = (): Promise<string | null> =>
  openssl('version').then(
    (output) => output.toString('utf8').trim(),
    () => null,
  )
