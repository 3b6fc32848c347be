/** (uid_t) -1 means "unchanged" to many calls and is no id. */
export const MAX_ID = 0xffff_fffe;
