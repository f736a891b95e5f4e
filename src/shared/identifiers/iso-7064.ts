/**
 * The hybrid systems of ISO 7064: MOD 11,10 over digits and MOD 37,36 over digits and letters. The
 * product starts at the modulus and takes one step a character; a number is sound when the product
 * and the check character add up to one.
 */
export function hybridStep(product: number, value: number, modulus: number): number {
  const sum = (product + value) % modulus
  return ((sum === 0 ? modulus : sum) * 2) % (modulus + 1)
}

export const hybridHolds = (product: number, checkValue: number, modulus: number): boolean =>
  (product + checkValue) % modulus === 1
