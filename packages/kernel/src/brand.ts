declare const brand: unique symbol

/** A `T` that only the parser or constructor of `Name` may mint, so that two ids or quantities can't be swapped. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }
