/** Business registration numbers of 15 digits: GS 15-2006, ISO 7064 MOD 11,10 (`standards` §3.4). */
import { hybridHolds, hybridStep } from './iso-7064.ts'
import { identifierCheck, type IdentifierFault } from './result.ts'

const length = 15
const modulus = 10

export function registrationNumberFault(number: string): IdentifierFault | undefined {
  if (number.length !== length) return 'identifier-form'
  let product = modulus
  let digit = 0
  for (let i = 0; i < length; i++) {
    digit = number.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return 'identifier-form'
    if (i < length - 1) product = hybridStep(product, digit, modulus)
  }
  return hybridHolds(product, digit, modulus) ? undefined : 'identifier-check-digit'
}

export const checkRegistrationNumber = identifierCheck({
  faultOf: registrationNumberFault,
  storedForm: (tidied) => tidied,
})
