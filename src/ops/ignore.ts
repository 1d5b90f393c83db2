/** The mark of a row without a label. @module */

/** The target of a row without a label: its loss and gradient are 0. */
export const IGNORE = 0xffff_ffff;
