import type { Socket } from 'node:net'
import { Refusal } from '../../shared/refusal.ts'
import { problemBody, problemMediaType } from './problem.ts'
import { newRequestId } from './request-id.ts'

/** How long the rest of a broken request is read and dropped once it is answered. */
const lingerMs = 2000

/** Connections whose broken request has been dealt with: what still comes over them breaks again and again. */
const dealtWith = new WeakSet<Socket>()

type ParserError = Error & { code?: string }

/**
 * Answers what is no HTTP request at all. A connection that is closed while bytes of the caller's wait unread
 * is reset, and a reset may overtake the answer (RFC 9112 §9.6): so the rest is read for a while.
 */
export function answerBrokenRequest(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || dealtWith.has(socket)) return
  dealtWith.add(socket)
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
  if (socket.writable) socket.end(answer(error))
}

function answer({ code }: ParserError): string {
  const body = JSON.stringify(
    problemBody(new Refusal('request-invalid', detail(code)), newRequestId()),
  )
  return (
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${problemMediaType}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}

function detail(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '请求头过长 / The headers are too long'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return '请求头迟迟未到 / The headers did not come in time'
  return '不是有效的 HTTP 请求 / Not a valid HTTP request'
}
