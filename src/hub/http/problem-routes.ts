import { Type } from 'typebox'
import { type ProblemCode, problems } from '../../../schemas/api/problems.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ApiRoutes } from './api.ts'

const ProblemDescription = Type.Object({
  type: Type.String(),
  code: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  actor: Type.String({ description: '由谁处理 / who must act' }),
})

/** Where a problem's `type` leads. */
export const problemRoutes: ApiRoutes = async (app) => {
  const schema = {
    operationId: 'describeProblem',
    summary: '一种错误的含义与处理人 / What a problem means and who must act',
    tags: ['problems'],
    params: Type.Object({ code: Type.String() }),
    response: { 200: ProblemDescription },
  }
  app.get('/problems/:code', { schema, config: { anonymous: true } }, ({ params }) => {
    if (!isProblemCode(params.code)) throw new Refusal('not-found')
    return { type: `/problems/${params.code}`, code: params.code, ...problems[params.code] }
  })
}

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problems, code)
