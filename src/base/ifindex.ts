// An interface index of one network namespace.

declare const ifIndexBrand: unique symbol
export type IfIndex = number & { readonly [ifIndexBrand]: true }

export const ifIndex = (n: number): IfIndex => n as IfIndex
