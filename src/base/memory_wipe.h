/*
 * The end of work on secrets, of which a message that quotes one has more copies than anybody follows.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_MEMORY_WIPE_H
#define BASE_MEMORY_WIPE_H

/* Overwrites what functions that have returned to the caller have left on the stack, 64 KiB deep, in their
 * variables and in registers that they saved there; and what they have left in the vector registers, which the
 * dynamic linker may store on the stack later. Takes microseconds. Any thread, of its own. */
void memory_wipe_traces(void);

#endif
