import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { Api } from './api.ts'
import type { InnerPart } from './inner-app.ts'

type StaticDocument = StaticDocumentSpec['document']

/** Everything the page needs comes from this server; the policy keeps it so. */
const pagePolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
  "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** `/docs`: the document, for people. Loaded when somebody first opens it. */
export const documentPages =
  ({ swagger: describe }: Pick<Api, 'swagger'>): InnerPart =>
  async (app) => {
    // The plugin's types know no OpenAPI 3.1 here; it hands the document on as it is.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const document = describe() as unknown as StaticDocument
    await app.register(swagger, { mode: 'static', specification: { document } })
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      validatorUrl: false,
      staticCSP: pagePolicy,
      uiConfig: { validatorUrl: null, persistAuthorization: false, tryItOutEnabled: false },
      theme: { title: '数桥 Shuqiao API' },
    })
  }
